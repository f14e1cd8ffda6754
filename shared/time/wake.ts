import type { Clock } from "./clock.ts";
import { pause } from "./pause.ts";

/** Starts the next round of a loop early. A call while the loop works ends its next wait at once. */
export class Wake {
  #controller = new AbortController();

  /** Ends the present wait, or else the next one. */
  now(): void {
    this.#controller.abort();
  }

  /** Resolves after a call of `now`, after `ms`, or when `signal` is aborted. */
  async orAfter(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    await pause(clock, ms, AbortSignal.any([signal, this.#controller.signal]));
    this.#controller = new AbortController();
  }
}
