import type { Clock } from "./clock.ts";

const try_again_ms = 1_000;

interface Reaching {
  readonly clock: Clock;
  /** Called after each failed attempt. */
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
  /** After this time an absence is thrown. Without it there is no limit. */
  readonly ms_max?: number;
}

/**
 * Repeats `act` until it succeeds. It repeats only after errors that `isAbsence` takes for an absent dependency.
 *
 * @throws every other error of `act`, the last absence after `ms_max`, and the signal's reason when it is aborted
 */
export async function untilReachable<T>(
  what: string,
  act: () => Promise<T>,
  isAbsence: (error: unknown) => boolean,
  { clock, say, signal, ms_max = Number.POSITIVE_INFINITY }: Reaching,
): Promise<T> {
  const end_ms = clock.monotonic() + ms_max;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isAbsence(error) || clock.monotonic() > end_ms) throw error;
      say(`waiting for ${what}: ${(error as Error).message}`);
      await clock.sleep(try_again_ms, signal);
    }
  }
}
