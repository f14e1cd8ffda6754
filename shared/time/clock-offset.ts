import type { Clock } from "./clock.ts";

/** Smaller differences come from reading the two clocks one after the other. */
export const clock_step_ms_min = 1_000;

/** How far the wall clock was ahead of the time since boot. A later difference tells by how much the clock was set. */
export interface ClockOffset {
  readonly boot_id: string;
  readonly clock_offset_ms: number;
}

/** The distance now, in milliseconds; it changes when the wall clock is set, and with a boot. */
export function clockOffset(clock: Clock): ClockOffset {
  const { boot_id, ms } = clock.sinceBoot();
  return { boot_id, clock_offset_ms: Math.round(clock.now() - ms) };
}
