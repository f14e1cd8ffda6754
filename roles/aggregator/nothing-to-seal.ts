import type { EpochInput } from "#shared/database/tables/epochs.ts";

const told_max = 5;

/**
 * No challenge has ever answered in this database. A vector would burn everything, although no challenge said so; most likely
 * the database is the wrong one. After the first answer an epoch without earners is what the challenges say, or the operator
 * who deactivated them all: it is sealed by the share policy.
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
