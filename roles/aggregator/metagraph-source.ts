import type { Metagraph } from "#shared/chain/chain.ts";
import type { Database } from "#shared/database/database.ts";
import { loadMetagraph, type StoredMetagraph, storeMetagraph } from "#shared/database/tables/metagraph.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

/** The part of the chain that aggregation needs. */
export interface MetagraphReader {
  readMetagraph(netuid: number): Promise<Metagraph>;
}

/** There is no metagraph to map hotkeys to uids, so nothing may be sealed. */
export class NoMetagraphError extends Error {
  override readonly name = "NoMetagraphError";
}

export interface MetagraphSource {
  readonly sql: Database;
  readonly netuid: number;
  /** null: no chain is configured. */
  readonly chain: MetagraphReader | null;
  readonly clock: Clock;
  readonly warn: (sentence: string, cause: unknown) => void;
}

/**
 * The subnet's neurons. They come from the chain, and are stored for the proxy. When the chain does not answer, the stored ones
 * are used.
 *
 * @throws NoMetagraphError when none is stored, or when a chain is configured and the stored one is older than `limits.weights.metagraph_age_ms_max`
 */
export async function currentMetagraph(source: MetagraphSource): Promise<StoredMetagraph> {
  const { sql, netuid, chain, clock } = source;
  const read = await refreshMetagraph(source);
  if (read) return read;
  const stored = await loadMetagraph(sql, netuid);
  if (!stored) throw new NoMetagraphError(`no metagraph of subnet ${netuid} was ever read`);
  if (chain && clock.now() - stored.updated_at.getTime() > limits.weights.metagraph_age_ms_max) {
    throw new NoMetagraphError("the stored metagraph is too old: check the chain endpoints");
  }
  return stored;
}

/** Reads and stores the metagraph. Null without a configured chain, and, with a warning, when the chain does not answer. */
export async function refreshMetagraph(source: MetagraphSource): Promise<StoredMetagraph | null> {
  const { sql, netuid, chain, clock, warn } = source;
  if (!chain) return null;
  try {
    const read = await chain.readMetagraph(netuid);
    const { block, neurons } = read;
    if (neurons.length === 0) throw new Error("the chain lists no neurons");
    const updated_at = new Date(clock.now());
    await sql.begin((tx) => storeMetagraph(tx, netuid, read, updated_at));
    return { block, updated_at, uid_by_hotkey: new Map(neurons.map(({ uid, hotkey }) => [hotkey, uid])) };
  } catch (error) {
    warn("the metagraph cannot be read from the chain; the stored one is used", error);
    return null;
  }
}
