/** Faults that count down: each takes effect the given number of times. */
export type CountedFault = "lose_submissions" | "drop_submissions" | "disconnect_on_submission" | "rate_limit_calls";

/** Faults on request, to test clients against. */
export class Faults {
  /** No extrinsic enters a block. */
  isPoolHeld = false;
  /** No block is made. */
  isPaused = false;
  readonly #left = new Map<CountedFault, number>();

  set(fault: CountedFault, count: number): void {
    this.#left.set(fault, count);
  }

  /** Whether the fault takes effect now. Each call that answers true uses one up. */
  take(fault: CountedFault): boolean {
    const left = this.#left.get(fault) ?? 0;
    if (left > 0) this.#left.set(fault, left - 1);
    return left > 0;
  }
}
