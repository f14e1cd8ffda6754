import type { Clock } from "#shared/time/clock.ts";

/** Asks until `look` answers something, at most `deadline_ms`; then throws with `what` and the last failure's words. */
export async function waitUntil<T>(
  clock: Clock,
  what: string,
  deadline_ms: number,
  look: () => Promise<T | null>,
): Promise<T> {
  const end = clock.monotonic() + deadline_ms;
  let last = "";
  for (;;) {
    try {
      const seen = await look();
      if (seen !== null) return seen;
    } catch (error) {
      last = (error as Error).message;
    }
    if (clock.monotonic() > end)
      throw new Error(`${what} did not come within ${deadline_ms / 1_000} s${last ? `: ${last}` : ""}`);
    await clock.sleep(150);
  }
}
