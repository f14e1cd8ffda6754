import { limits } from "#shared/schemas/limits.ts";

/** How soon to look again. `soon`: something is about to change. `watching`: jobs only run or wait. `idle`: no jobs. */
export type Pace = "soon" | "watching" | "idle";

const { dispatch } = limits.jobs;

/**
 * The pause until the next tick, and its part that new work does not cut short, in milliseconds. A costly tick is followed
 * by a longer pause, so that watching many running jobs does not take up the process (jobs §7).
 *
 * @param cpu_ms the process's CPU time in the last tick
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
