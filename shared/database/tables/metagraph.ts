import type { Database, Transaction } from "../database.ts";

/** The neurons of a subnet as they were stored last. */
export interface StoredMetagraph {
  readonly block: number;
  readonly updated_at: Date;
  readonly uid_by_hotkey: ReadonlyMap<string, number>;
}

/** The stored metagraph of `netuid`, or null when none was ever read from the chain. */
export async function loadMetagraph(sql: Database | Transaction, netuid: number): Promise<StoredMetagraph | null> {
  const rows =
    await sql`select uid, hotkey, block::text, updated_at from metagraph where netuid = ${netuid} order by uid`;
  const [first] = rows;
  if (!first) return null;
  return {
    block: Number(first["block"]),
    updated_at: first["updated_at"] as Date,
    uid_by_hotkey: new Map(rows.map((row) => [row["hotkey"] as string, row["uid"] as number])),
  };
}

/** A hotkey's uid (null: it has none), and when the metagraph was stored (null: never). */
export async function registrationOf(
  sql: Database,
  netuid: number,
  hotkey: string,
): Promise<{ readonly uid: number | null; readonly updated_at: Date | null }> {
  const [row] = await sql`
    select (select min(uid) from metagraph where netuid = ${netuid} and hotkey = ${hotkey}) as uid,
      (select min(updated_at) from metagraph where netuid = ${netuid}) as updated_at`;
  return { uid: row?.["uid"] as number | null, updated_at: row?.["updated_at"] as Date | null };
}

/** Replaces the stored metagraph of `netuid`; readers see the former or the new one, never a mixture. */
export async function storeMetagraph(
  tx: Transaction,
  netuid: number,
  read: { readonly block: number; readonly neurons: readonly { readonly uid: number; readonly hotkey: string }[] },
  updated_at: Date,
): Promise<void> {
  await tx`delete from metagraph where netuid = ${netuid}`;
  await tx`
    insert into metagraph (netuid, uid, hotkey, block, updated_at)
    select ${netuid}, uid, hotkey, ${read.block}, ${updated_at}
    from unnest(${read.neurons.map(({ uid }) => uid)}::integer[], ${read.neurons.map(({ hotkey }) => hotkey)}::text[]) as n (uid, hotkey)`;
}
