import { type Clock, systemClock } from "#shared/time/clock.ts";

/** A clock whose every sleep is over at once, and which says how long it slept. */
export function hastyClock(): Clock & { readonly slept_ms: number[] } {
  const slept_ms: number[] = [];
  const monotonic = () => slept_ms.reduce((sum, ms) => sum + ms, 0);
  return { ...systemClock, slept_ms, monotonic, sleep: async (ms) => void slept_ms.push(ms) };
}
