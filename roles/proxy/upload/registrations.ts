import type { Database } from "#shared/database/database.ts";

/** Who is registered on the subnet, as the aggregator last stored it. */
export interface Registrations {
  /** The uid of a hotkey, null when it has none, "unavailable" when nothing is stored or it is older than `oldest`. */
  uidOf(hotkey: string, oldest: Date): Promise<number | null | "unavailable">;
}

export function createRegistrations(sql: Database, netuid: number): Registrations {
  return {
    async uidOf(hotkey, oldest) {
      const [row] = await sql`
        select (select min(uid) from metagraph where netuid = ${netuid} and hotkey = ${hotkey}) as uid,
          (select min(updated_at) from metagraph where netuid = ${netuid}) as updated_at`;
      const updated_at = row?.["updated_at"] as Date | null | undefined;
      if (!updated_at || updated_at < oldest) return "unavailable";
      return row?.["uid"] as number | null;
    },
  };
}
