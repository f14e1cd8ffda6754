import type { Clock } from "#shared/time/clock.ts";

/** Less than this is what reading two clocks one after the other may show. */
const step_ms_min = 1_000;

/**
 * Sees the wall clock being set. Times of jobs are kept in its time: after a step of an hour all would be past their
 * deadlines at once, or not for an hour longer.
 */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #offset_ms: number;
  #step_ms = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset_ms = clock.now() - clock.monotonic();
  }

  /** By how much the wall clock was set since this began, in all. */
  step_ms(): number {
    const step_ms = Math.round(this.#clock.now() - this.#clock.monotonic() - this.#offset_ms);
    if (Math.abs(step_ms - this.#step_ms) >= step_ms_min) this.#step_ms = step_ms;
    return this.#step_ms;
  }
}
