import type { Gauge } from "prom-client";
import type { Clock } from "#shared/time/clock.ts";
import { attachRoles } from "./attachments.ts";
import { recordNodes } from "./nodes.ts";
import { type ReconcilerWorld, reconcile } from "./reconcile.ts";

export interface SuperviseWorld extends ReconcilerWorld {
  readonly clock: Clock;
  readonly reconcile_ms: number;
  readonly rounds: { last_success_ms: number; readonly missing_attachments: Gauge };
  /** Called after each round: the watchdog is fed by work done, not by a timer. */
  readonly onRound: () => void;
}

const event_pause_ms = 1_000;
const attach_again_ms = 250;

/** Reconciles in rounds until `signal`; a start event or a missing attachment brings the next round forward. */
export async function supervise(world: SuperviseWorld, signal: AbortSignal): Promise<void> {
  const wake = new Wake();
  const events = followEvents(world, wake, signal);
  while (!signal.aborted) {
    let pause_ms = world.reconcile_ms;
    try {
      const slugs = await reconcile(world);
      const missing = await attachRoles(world.engine, slugs, world.log);
      await recordNodes(world.engine, world.sql);
      world.rounds.missing_attachments.set(missing);
      world.rounds.last_success_ms = world.clock.monotonic();
      if (missing > 0) pause_ms = Math.min(pause_ms, attach_again_ms);
    } catch (error) {
      world.log.error({ err: error }, "the round failed");
    }
    world.onRound();
    await wake.orAfter(pause_ms, world.clock, signal);
  }
  await events;
}

/** A role that restarts comes back without its attachments: its start event calls for a round at once. */
async function followEvents({ engine, clock, log }: SuperviseWorld, wake: Wake, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of engine.events(["container"], signal)) if (event.Action === "start") wake.now();
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "engine events were cut");
    }
    await clock.sleep(event_pause_ms, signal).catch(() => undefined);
  }
}

class Wake {
  #controller = new AbortController();

  now(): void {
    this.#controller.abort();
  }

  async orAfter(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    await clock.sleep(ms, AbortSignal.any([signal, this.#controller.signal])).catch(() => undefined);
    this.#controller = new AbortController();
  }
}
