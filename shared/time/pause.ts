import type { Clock } from "./clock.ts";

/** Resolves after `ms`, or when `signal` is aborted. For loops that check the signal themselves. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
