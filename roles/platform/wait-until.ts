import type { Clock } from "#shared/time/clock.ts";

/**
 * Calls `look` every 150 ms until it returns a value other than null. A failure of `look` counts as null.
 *
 * @throws Error after `deadline_ms` that names `what` and contains the message of the last failure
 */
export async function waitUntil<T>(
  clock: Clock,
  what: string,
  deadline_ms: number,
  look: () => Promise<T | null>,
): Promise<T> {
  const end = clock.monotonic() + deadline_ms;
  let cause: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== null) return seen;
    } catch (error) {
      cause = error;
    }
    if (clock.monotonic() > end)
      throw new Error(`${what} did not come within ${deadline_ms / 1_000} s${reasonIn(cause)}`, { cause });
    await clock.sleep(150);
  }
}

function reasonIn(cause: unknown): string {
  return cause instanceof Error ? `: ${cause.message}` : "";
}
