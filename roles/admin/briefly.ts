import type { Clock } from "#shared/time/clock.ts";

/** Calls `load` at most once in `ms`; calls in between get the same answer. A failure is not kept. */
export function briefly<T>(clock: Clock, ms: number, load: () => Promise<T>): () => Promise<T> {
  let kept: { readonly until: number; readonly value: Promise<T> } | null = null;
  return () => {
    if (kept && clock.monotonic() < kept.until) return kept.value;
    const value = load();
    const mine = { until: clock.monotonic() + ms, value };
    kept = mine;
    value.catch(() => {
      if (kept === mine) kept = null;
    });
    return value;
  };
}
