import { Counter, Gauge, type Registry } from "prom-client";
import type { Probe } from "#shared/observability/ops.ts";
import { first_answer_probe } from "#shared/schemas/ops.ts";
import type { PublishedVector } from "#shared/schemas/weights.ts";
import type { Clock } from "#shared/time/clock.ts";
import { NothingToSealError } from "./nothing-to-seal.ts";

/** Readiness and metrics of epochs. A follower seals nothing and is ready. */
export function createOutcomes(metrics: Registry, clock: Clock) {
  const registers = [metrics];
  const epochs = new Counter({
    name: "platform_epochs_total",
    help: "Epochs by outcome: sealed or failed.",
    labelNames: ["outcome"],
    registers,
  });
  const sealed = new Gauge({ name: "platform_epoch_number", help: "The epoch sealed last.", registers });
  const sealedAt = new Gauge({ name: "platform_epoch_sealed_seconds", help: "When, Unix time.", registers });
  const silent = new Gauge({
    name: "platform_epoch_failed_challenges",
    help: "Challenges that did not answer in the epoch sealed last.",
    registers,
  });
  let failure: Error | null = null;
  const probes: readonly Probe[] = [
    {
      name: "epoch",
      async run() {
        if (failure && !(failure instanceof NothingToSealError))
          throw new Error(`the last epoch was not sealed: ${failure.message}`);
      },
    },
    {
      // The installer knows this name: here only the operator can help, and nothing is broken.
      name: first_answer_probe,
      async run() {
        if (failure instanceof NothingToSealError) throw failure;
      },
    },
  ];
  return {
    probes,
    record(outcome: PublishedVector | Error): void {
      failure = outcome instanceof Error ? outcome : null;
      if (outcome instanceof NothingToSealError) return;
      if (outcome instanceof Error) {
        epochs.inc({ outcome: "failed" });
        return;
      }
      epochs.inc({ outcome: "sealed" });
      sealed.set(outcome.epoch);
      sealedAt.set(clock.now() / 1_000);
      silent.set(outcome.source_challenges.filter(({ ok }) => !ok).length);
    },
  };
}
