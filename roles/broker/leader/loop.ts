import type { Database } from "#shared/database/database.ts";
import { type Candidate, LeadLostError } from "#shared/database/lead.ts";
import { RepeatedWork } from "#shared/observability/repeated-work.ts";
import { limits } from "#shared/schemas/limits.ts";
import { pause } from "#shared/time/pause.ts";
import type { Wake } from "#shared/time/wake.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";
import { createDispatchStore } from "../store/dispatch-store.ts";
import { type Pace, pauseAfter } from "./pace.ts";
import { Dispatcher } from "./tick.ts";

export interface DispatchingState {
  isLeading: boolean;
  last_tick_ms: number;
}

export interface DispatchingOptions {
  readonly sql: Database;
  readonly candidate: Pick<Candidate, "take">;
  readonly world: Omit<DispatchWorld, "store" | "fencing" | "confirm">;
  readonly state: DispatchingState;
  readonly wake: Wake;
  /** Deletes jobs, blobs and logs whose time is over. The leader calls it every `retention_ms`. */
  retire(fencing: number): Promise<void>;
}

/** Leads and dispatches until `signal`. When the lead is lost, it stops acting before it asks for the lead again. */
export async function dispatchForever(options: DispatchingOptions, signal: AbortSignal): Promise<void> {
  const { world, state } = options;
  while (!signal.aborted) {
    try {
      await leadOnce(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      world.log.warn(
        { err: error },
        error instanceof LeadLostError ? "the lead was lost" : "dispatching failed and begins again",
      );
      await pause(world.clock, world.settings.tick_ms, signal);
    } finally {
      state.isLeading = false;
    }
  }
}

async function leadOnce(
  { sql, candidate, world, state, wake, retire }: DispatchingOptions,
  signal: AbortSignal,
): Promise<void> {
  const lead = await candidate.take(signal);
  const { fencing } = lead;
  const confirm = () => lead.confirm(limits.jobs.dispatch.create_window_ms_max);
  const dispatcher = new Dispatcher({ ...world, fencing, confirm, store: createDispatchStore(sql, fencing) });
  const ticks = new RepeatedWork(world.log, "dispatching");
  let retire_at_ms = world.clock.monotonic();
  let retiring: Promise<void> = Promise.resolve();
  try {
    state.isLeading = true;
    while (!signal.aborted) {
      await lead.confirm();
      const before = process.cpuUsage();
      const pace = await tick(dispatcher, ticks);
      const { user, system } = process.cpuUsage(before);
      state.last_tick_ms = dispatcher.last_tick_ms;
      if (world.clock.monotonic() >= retire_at_ms) {
        retire_at_ms = world.clock.monotonic() + limits.jobs.retention_ms;
        retiring = retire(lead.fencing).catch((error: unknown) =>
          world.log.warn(
            { err: error },
            "jobs, blobs or logs whose time is over could not be deleted; tried again later",
          ),
        );
      }
      const { pause_ms, least_ms } = pauseAfter(pace, world.settings.tick_ms, (user + system) / 1_000);
      await pause(world.clock, least_ms, signal);
      await wake.orAfter(pause_ms - least_ms, world.clock, signal);
    }
  } finally {
    await Promise.all([dispatcher.settle(), retiring]);
    await lead.release();
  }
}

async function tick(dispatcher: Dispatcher, ticks: RepeatedWork): Promise<Pace> {
  try {
    const pace = await dispatcher.tick();
    ticks.worked();
    return pace;
  } catch (error) {
    if (error instanceof LeadLostError) throw error;
    ticks.failed(error);
    return "soon";
  }
}
