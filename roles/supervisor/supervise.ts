import type { Gauge } from "prom-client";
import { RepeatedWork } from "#shared/observability/repeated-work.ts";
import { label } from "#shared/swarm/labels.ts";
import { isOwnService } from "#shared/swarm/names.ts";
import { pause } from "#shared/time/pause.ts";
import { Wake } from "#shared/time/wake.ts";
import { attachRoles } from "./attachments/attachments.ts";
import { type ReconcilerWorld, reconcile } from "./challenges/reconcile.ts";
import { recordSwarm } from "./workers/nodes.ts";
import { createReapStore, reapOverdueJobs } from "./workers/overdue-jobs.ts";
import { carryOutOrders } from "./workers/worker-orders.ts";

export interface SuperviseWorld extends ReconcilerWorld {
  readonly reconcile_ms: number;
  readonly rounds: { last_success_ms: number; readonly missing_attachments: Gauge };
  /** Called after each round. The watchdog hears of rounds, not of a timer. */
  readonly onRound: () => void;
}

const event_pause_ms = 1_000;
const hurry_ms = 500;
const attach_again_ms = 100;

/** Reconciles and attaches until `signal` is aborted. Two loops, so that roles are attached while the database is away. */
export async function supervise(world: SuperviseWorld, signal: AbortSignal): Promise<void> {
  const wake = new Wake();
  await Promise.all([
    keepReconciled(world, wake, signal),
    keepAttached(world, wake, signal),
    followStarts(world, wake, signal),
  ]);
}

async function keepReconciled(world: SuperviseWorld, wake: Wake, signal: AbortSignal): Promise<void> {
  const work = new RepeatedWork(world.log, "reconciling");
  const reapStore = createReapStore(world.sql);
  while (!signal.aborted) {
    let pause_ms = world.reconcile_ms;
    try {
      const unfinished = await reconcile(world);
      await carryOutOrders(world.engine, world.sql, world.log);
      await recordSwarm(world.engine, world.sql, world.clock);
      await reapOverdueJobs(world.engine, reapStore, world.log, world.clock);
      world.rounds.last_success_ms = world.clock.monotonic();
      if (unfinished > 0) pause_ms = Math.min(pause_ms, hurry_ms);
      work.worked();
    } catch (error) {
      work.failed(error);
    }
    world.onRound();
    wake.now();
    await pause(world.clock, pause_ms, signal);
  }
}

async function keepAttached(world: SuperviseWorld, wake: Wake, signal: AbortSignal): Promise<void> {
  const work = new RepeatedWork(world.log, "attaching the roles");
  let again_ms = attach_again_ms;
  while (!signal.aborted) {
    let missing = 1;
    try {
      missing = await attachRoles(world.engine, world.log);
      world.rounds.missing_attachments.set(missing);
      work.worked();
    } catch (error) {
      work.failed(error);
    }
    again_ms = missing === 0 ? attach_again_ms : Math.min(again_ms * 2, world.reconcile_ms);
    await wake.orAfter(missing === 0 ? world.reconcile_ms : again_ms, world.clock, signal);
  }
}

/** Starts attaching when a container starts: a restarted role has lost its attachments, and a started challenge has its network. */
async function followStarts({ engine, clock, log }: SuperviseWorld, wake: Wake, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const { Action, Actor } of engine.events(["container"], signal)) {
        if (Action === "start" && isOwnService(Actor.Attributes[label.service_name] ?? "")) wake.now();
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, "the stream of engine events ended; it is opened again");
    }
    wake.now();
    await pause(clock, event_pause_ms, signal);
  }
}
