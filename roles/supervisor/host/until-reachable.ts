import type { Clock } from "#shared/time/clock.ts";

const try_again_ms = 1_000;

interface Reaching {
  readonly clock: Clock;
  /** Told at each failed attempt. */
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Repeats `act` until it succeeds; only what `isAbsence` calls the absence of a dependency is waited out, for as long as it
 * takes: the supervisor outlives engine and database, and outside systemd nobody would start it again.
 */
export async function untilReachable<T>(
  what: string,
  act: () => Promise<T>,
  isAbsence: (error: unknown) => boolean,
  { clock, say, signal }: Reaching,
): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isAbsence(error)) throw error;
      say(`waiting for ${what}: ${(error as Error).message}`);
      await clock.sleep(try_again_ms, signal);
    }
  }
}
