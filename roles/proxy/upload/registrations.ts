import type { Database } from "#shared/database/database.ts";
import { registrationOf } from "#shared/database/tables/metagraph.ts";
import { ProblemError } from "#shared/http/problem.ts";

/** Who is registered on the subnet, as the aggregator last stored it. */
export interface Registrations {
  /** The uid of a hotkey; null when it has none; "unavailable" when no metagraph is stored, or one that is older than `oldest`. */
  uidOf(hotkey: string, oldest: Date): Promise<number | null | "unavailable">;
}

export function createRegistrations(sql: Database, netuid: number): Registrations {
  return {
    async uidOf(hotkey, oldest) {
      const { uid, updated_at } = await registrationOf(sql, netuid, hotkey);
      return !updated_at || updated_at < oldest ? "unavailable" : uid;
    },
  };
}

/**
 * The uid of a miner who may upload; null for one on the operator's allowlist that has none.
 *
 * @throws ProblemError 401
 */
export async function checkRegistration(
  registrations: Registrations,
  hotkey: string,
  { allowlist, oldest }: { readonly allowlist: ReadonlySet<string>; readonly oldest: Date },
): Promise<number | null> {
  const uid = await registrations.uidOf(hotkey, oldest);
  if (typeof uid === "number") {
    if (uid === 0) throw new ProblemError(401, "blocked_uid", "blocked uid");
    return uid;
  }
  if (allowlist.has(hotkey)) return null;
  if (uid === "unavailable") throw new ProblemError(401, "metagraph_unavailable", "metagraph unavailable");
  throw new ProblemError(401, "unknown_hotkey", "unknown hotkey");
}
