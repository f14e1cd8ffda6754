import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

/** The answers whose head is awaited. One look a second finds the late ones: a timer for each would cost as much as a small request. */
export class AwaitedHeads {
  readonly #clock: Clock;
  /** The deadline of each by the monotonic clock, milliseconds, by what is called when it has passed. */
  readonly #deadlines = new Map<() => void, number>();
  #isLooking = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onLate` when `limits.proxy.upstream_head_ms_max` have passed, unless it was deleted before. */
  add(onLate: () => void): void {
    this.#deadlines.set(onLate, this.#clock.monotonic() + limits.proxy.upstream_head_ms_max);
    if (!this.#isLooking) void this.#look();
  }

  delete(onLate: () => void): void {
    this.#deadlines.delete(onLate);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#deadlines.size > 0) {
      await this.#clock.sleep(limits.proxy.connection_check_every_ms);
      const now_ms = this.#clock.monotonic();
      for (const [onLate, deadline_ms] of this.#deadlines) {
        if (deadline_ms > now_ms) continue;
        this.#deadlines.delete(onLate);
        onLate();
      }
    }
    this.#isLooking = false;
  }
}
