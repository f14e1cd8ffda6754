import type { Clock } from "./clock.ts";

const try_again_ms = 1_000;

interface Reaching {
  readonly clock: Clock;
  /** Told at each failed attempt. */
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
  /** From when on an absence is thrown; without it, it is waited out for as long as it takes. */
  readonly ms_max?: number;
}

/**
 * Repeats `act` until it succeeds. Only what `isAbsence` calls the absence of a dependency is waited out.
 *
 * @throws what else `act` throws, an absence of more than `ms_max`, and the signal's reason when it is aborted
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
