import { Counter, Gauge, type Registry } from "prom-client";

/** What the operator of a validator asks first. */
export interface SubmitterStatus {
  readonly hotkey: string;
  readonly netuid: number;
  readonly mechanism: number;
  endpoint: string;
  /** What the last look came to. */
  activity:
    | "starting"
    | "idle"
    | "waiting"
    | "pending"
    | "held"
    | "no_vector"
    | "refused"
    | "landed"
    | "failed"
    | "chain_unreachable";
  reason: string | null;
  vector_epoch: number | null;
  /** In a block that may still be undone. */
  included_block_hash: string | null;
  /** The block of the last vector that is final. */
  finalized_block: number | null;
  /** Of a commit: whether its vector became readable on chain; null for plain weights. */
  is_revealed: boolean | null;
  /** A permanent error that wants a human; null when there is none. */
  alert: string | null;
}

export interface SubmitterMetrics {
  count(outcome: string): void;
}

/** Exports the status as metrics, and counts how submissions ended. */
export function registerMetrics(registry: Registry, status: SubmitterStatus): SubmitterMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | null) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read();
        if (value === null) this.reset();
        else this.set(value);
      },
    });
  gauge("submitter_finalized_block", "Block of the last weights that are final.", () => status.finalized_block);
  gauge("submitter_vector_epoch", "The platform's epoch of the vector seen last.", () => status.vector_epoch);
  gauge("submitter_alert", "1 when a permanent error wants a human.", () => (status.alert === null ? 0 : 1));
  const outcomes = new Counter({
    name: "submitter_submissions_total",
    help: "Submissions by how they ended.",
    labelNames: ["outcome"] as const,
    registers,
  });
  return { count: (outcome) => outcomes.inc({ outcome }) };
}
