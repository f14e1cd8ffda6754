import type { Database } from "#shared/database/database.ts";
import { registrationOf } from "#shared/database/metagraph.ts";

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
