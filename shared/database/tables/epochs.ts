import type { PublishedVector, SourceChallenge } from "../../schemas/weights.ts";
import type { Database, Transaction } from "../database.ts";

export interface EpochSummary {
  readonly epoch: number;
  readonly computed_at: Date;
  readonly expires_at: Date;
  readonly digest: string;
  readonly uid_count: number;
  readonly challenge_count: number;
  /** How many challenges did not answer in this epoch. */
  readonly failed_count: number;
}

/** What the aggregator learned of one challenge in one epoch. */
export interface EpochInput extends Omit<SourceChallenge, "unknown_hotkeys" | "unknown_weight"> {
  readonly challenge_epoch: number | null;
  readonly ms: number;
}

/** Reads of the sealed epochs of `netuid`. */
export interface Epochs {
  latest(): Promise<PublishedVector | null>;
  byNumber(epoch: number): Promise<PublishedVector | null>;
  inputsOf(epoch: number): Promise<readonly EpochInput[]>;
  /** Newest first, those below `before` when it is given. */
  list(limit: number, before?: number): Promise<readonly EpochSummary[]>;
}

/** {@link Epochs} over `sql`. */
export function createEpochs(sql: Database | Transaction, netuid: number): Epochs {
  return {
    async latest() {
      const [row] = await sql`select vector from epochs where netuid = ${netuid} order by epoch desc limit 1`;
      return (row?.["vector"] as PublishedVector | undefined) ?? null;
    },
    async byNumber(epoch) {
      const [row] = await sql`select vector from epochs where netuid = ${netuid} and epoch = ${epoch}`;
      return (row?.["vector"] as PublishedVector | undefined) ?? null;
    },
    async inputsOf(epoch) {
      const rows = await sql`
        select slug, emission_percent, weights, ok, error, stale_from_epoch::int, challenge_epoch, ms
        from epoch_inputs where netuid = ${netuid} and epoch = ${epoch} order by slug`;
      return rows.map((row) => ({ ...row }) as EpochInput);
    },
    async list(limit, before = Number.MAX_SAFE_INTEGER) {
      const rows = await sql`
        select epoch::int, computed_at, expires_at, digest, jsonb_array_length(vector->'uids') as uid_count,
          (select count(*)::int from epoch_inputs i where i.netuid = e.netuid and i.epoch = e.epoch) as challenge_count,
          (select count(*)::int from epoch_inputs i where i.netuid = e.netuid and i.epoch = e.epoch and not ok) as failed_count
        from epochs e where netuid = ${netuid} and epoch < ${before} order by epoch desc limit ${limit}`;
      return rows.map((row) => ({ ...row }) as EpochSummary);
    },
  };
}
