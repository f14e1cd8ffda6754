import { type Static, Type } from "@sinclair/typebox";
import { Counter, Gauge, type Registry } from "prom-client";

const orNull = <
  T extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer> | ReturnType<typeof Type.Boolean>,
>(
  schema: T,
  description: string,
) => Type.Union([schema, Type.Null()], { description });

/** The status that a validator's operator reads. */
export const SubmitterStatus = Type.Object(
  {
    hotkey: Type.Readonly(Type.String()),
    netuid: Type.Readonly(Type.Integer()),
    mechanism: Type.Readonly(Type.Integer()),
    endpoint: Type.String(),
    activity: Type.Union(
      [
        Type.Literal("starting"),
        Type.Literal("idle"),
        Type.Literal("waiting"),
        Type.Literal("pending"),
        Type.Literal("held"),
        Type.Literal("no_vector"),
        Type.Literal("refused"),
        Type.Literal("landed"),
        Type.Literal("failed"),
        Type.Literal("chain_unreachable"),
      ],
      { description: "the result of the last round" },
    ),
    reason: orNull(Type.String(), "why, in words"),
    vector_epoch: orNull(Type.Integer(), "the platform's epoch of the vector seen last"),
    included_block_hash: orNull(Type.String(), "the block that holds the weights, which may still be undone"),
    finalized_block: orNull(Type.Integer(), "the final block that holds the last vector"),
    is_revealed: orNull(
      Type.Boolean(),
      "for a commit: whether its vector was revealed on chain; null for plain weights",
    ),
    alert: orNull(Type.String(), "an error that only a person can end; null when there is none"),
  },
  { description: "what the submitter does" },
);
export type SubmitterStatus = Static<typeof SubmitterStatus>;

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
  gauge("submitter_alert", "1 while there is an error that only a person can end.", () =>
    status.alert === null ? 0 : 1,
  );
  const outcomes = new Counter({
    name: "submitter_submissions_total",
    help: "Submissions by how they ended.",
    labelNames: ["outcome"] as const,
    registers,
  });
  return { count: (outcome) => outcomes.inc({ outcome }) };
}
