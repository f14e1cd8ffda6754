import type { Clock } from "#shared/time/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time in milliseconds, from a fixed date. It passes only when nothing is left to do at the present moment. */
export class VirtualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  /** The sum of wall-clock steps. `now` includes it, `monotonic` does not. */
  #step = 0;
  #order = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now + this.#step;
  }

  monotonic(): number {
    return this.#now;
  }

  sinceBoot() {
    return { boot_id: "boot", ms: this.#now };
  }

  /** Moves the wall clock by `ms`, like a correction of the machine's time. */
  stepWallClock(ms: number): void {
    this.#step += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const cancel = this.after(ms, resolve);
      signal?.addEventListener(
        "abort",
        () => {
          cancel();
          reject(signal.reason);
        },
        { once: true },
      );
    });
  }

  /** Calls `run` after `ms`. @returns a function that cancels the call */
  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    const index = this.#timers.findIndex((other) => other.at > timer.at);
    if (index < 0) this.#timers.push(timer);
    else this.#timers.splice(index, 0, timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets `ms` pass. Runs every timer in order, and all that follows from it. `afterEach` runs whenever nothing is left to do. */
  async advance(ms: number, afterEach: () => void = () => undefined): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers[0];
      if (!next || next.at > end) break;
      this.#timers.shift();
      this.#now = next.at;
      next.run();
      await settle();
      afterEach();
    }
    this.#now = end;
  }
}

/** Lets every promise settle that can: microtasks are drained before the next macrotask runs. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
