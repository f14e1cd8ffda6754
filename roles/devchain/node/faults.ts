/** Faults that count down: each takes effect on the next so many occasions. */
export type CountedFault = "lose_submissions" | "drop_submissions" | "disconnect_on_submission" | "rate_limit_calls";

/** What goes wrong on request, so that clients can be tested against it. */
export class Faults {
  /** No extrinsic enters a block. */
  is_pool_held = false;
  /** No block is made. */
  is_paused = false;
  readonly #left = new Map<CountedFault, number>();

  set(fault: CountedFault, count: number): void {
    this.#left.set(fault, count);
  }

  /** True when the fault strikes now; uses it up by one. */
  take(fault: CountedFault): boolean {
    const left = this.#left.get(fault) ?? 0;
    if (left > 0) this.#left.set(fault, left - 1);
    return left > 0;
  }
}
