import type { Clock } from "./clock.ts";
import { pause } from "./pause.ts";

/** Brings the next round of a loop forward; a call while the loop is at work counts for its next wait. */
export class Wake {
  #controller = new AbortController();

  /** Ends the present wait, or the next one. */
  now(): void {
    this.#controller.abort();
  }

  /** Resolves when it is woken, after `ms`, or when `signal` is aborted. */
  async orAfter(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    await pause(clock, ms, AbortSignal.any([signal, this.#controller.signal]));
    this.#controller = new AbortController();
  }
}
