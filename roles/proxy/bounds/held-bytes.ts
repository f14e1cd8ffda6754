import { type ByteBudget, memoryUsedUp } from "./byte-budget.ts";

const block_bytes_min = 4_096;
const block_bytes_max = 65_536;

/** Bytes in blocks of their own, taken from a budget. A piece as it arrives can keep a hundred times its bytes in memory. */
export class HeldBytes {
  readonly #memory: ByteBudget;
  readonly #share: string | null;
  readonly #blocks: Buffer[] = [];
  #taken_bytes = 0;
  /** Taken from the budget, and in no block yet. */
  #reserved_bytes = 0;
  /** Bytes of the last block that are not used yet. */
  #free_bytes = 0;

  constructor(memory: ByteBudget, share: string | null) {
    this.#memory = memory;
    this.#share = share;
  }

  /**
   * Takes what will be needed.
   *
   * @throws ProblemError 503 when the budget, or the share of it, is used up
   */
  reserve(bytes: number): void {
    if (!this.#memory.take(this.#share, bytes)) throw memoryUsedUp("Too many uploads at once; try again.");
    this.#taken_bytes += bytes;
    this.#reserved_bytes += bytes;
  }

  /**
   * Copies a piece behind the others. Takes more memory where less was reserved.
   *
   * @throws ProblemError 503 when the budget, or the share of it, is used up
   */
  add(piece: Buffer): void {
    let rest = piece;
    while (rest.length > 0) {
      const block = this.#free_bytes > 0 ? this.#blocks.at(-1) : undefined;
      const last = block ?? this.#grow(rest.length);
      const copied = rest.copy(last, last.length - this.#free_bytes);
      this.#free_bytes -= copied;
      rest = rest.subarray(copied);
    }
  }

  pieces(): Buffer[] {
    const last = this.#blocks.at(-1);
    return last ? [...this.#blocks.slice(0, -1), last.subarray(0, last.length - this.#free_bytes)] : [];
  }

  release(): void {
    this.#memory.give(this.#share, this.#taken_bytes);
    this.#blocks.length = 0;
    this.#taken_bytes = this.#reserved_bytes = this.#free_bytes = 0;
  }

  #grow(bytes: number): Buffer {
    if (this.#reserved_bytes === 0) this.reserve(Math.min(Math.max(bytes, block_bytes_min), block_bytes_max));
    const block = Buffer.allocUnsafeSlow(Math.min(this.#reserved_bytes, block_bytes_max));
    this.#reserved_bytes -= block.length;
    this.#blocks.push(block);
    this.#free_bytes = block.length;
    return block;
  }
}
