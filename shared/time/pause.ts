import type { Clock } from "./clock.ts";

/** Waits `ms`, or until `signal` is aborted: then it resolves as well. For loops that look at the signal themselves. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
