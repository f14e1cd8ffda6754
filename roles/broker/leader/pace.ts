import { limits } from "#shared/schemas/limits.ts";

/** How soon the dispatcher should look again: something is about to change, jobs only run or wait, or there is nothing. */
export type Pace = "soon" | "watching" | "idle";

const { dispatch } = limits.jobs;

/**
 * Milliseconds until the next tick, and how many of them even new work does not cut short: looking at many running jobs
 * must not take up the process (jobs §7), so a look that cost much is followed by a longer pause.
 *
 * @param cpu_ms what the last tick took of the process's time
 */
export function pauseAfter(
  pace: Pace,
  tick_ms: number,
  cpu_ms: number,
): { readonly pause_ms: number; readonly least_ms: number } {
  const least_ms = Math.min(4 * cpu_ms, dispatch.idle_tick_ms);
  if (pace === "idle") return { pause_ms: dispatch.idle_tick_ms, least_ms };
  const costs_ms = pace === "soon" ? 4 * cpu_ms : dispatch.pause_per_cpu_ms * cpu_ms;
  const most_ms = pace === "soon" ? dispatch.idle_tick_ms : dispatch.watching_tick_ms_max;
  return { pause_ms: Math.max(tick_ms, Math.min(costs_ms, most_ms)), least_ms };
}
