import type { EpochInput } from "#shared/database/epochs.ts";

const told_max = 5;

/**
 * No challenge has ever answered in this database: a vector of it would burn everything, and say so in nobody's name. Most of
 * all this is a platform that was given another database a moment ago. Once one has answered, an epoch without earners is
 * what the challenges, or the operator who deactivated them all, have said, and it is sealed by the share policy.
 */
export class NothingToSealError extends Error {
  override readonly name = "NothingToSealError";

  constructor(asked: readonly Pick<EpochInput, "slug" | "error">[]) {
    const told = asked.slice(0, told_max).map(({ slug, error }) => `${slug}: ${error}`);
    if (asked.length > told_max) told.push(`and ${asked.length - told_max} more`);
    super(
      asked.length === 0
        ? "no challenge has ever answered in this database, and none is active: activate one, or see that this is the right database"
        : `no challenge has ever answered in this database; those that are active do not (${told.join("; ")})`,
    );
  }
}
