import type { Block } from "./block.ts";

/** Blocks whose state is kept. Older states are deleted, as on a pruning node. */
export const blocks_kept = 512;

/** The chain of blocks. By number: the best branch. By hash: also the blocks that a fork removed. */
export class Ledger {
  readonly genesis_hash: string;
  readonly #best: Block[];
  readonly #by_hash = new Map<string, Block>();
  #finalized: number;

  /** @param blocks consecutive, oldest first, at least one */
  constructor(genesis_hash: string, blocks: readonly Block[], finalized: number) {
    this.genesis_hash = genesis_hash;
    this.#best = [...blocks];
    for (const block of blocks) this.#by_hash.set(block.hash, block);
    this.#finalized = finalized;
  }

  get head(): Block {
    const head = this.#best.at(-1);
    if (head === undefined) throw new Error("a ledger always has a block");
    return head;
  }

  get finalized(): Block {
    return this.at(this.#finalized) ?? this.head;
  }

  get oldest(): number {
    return this.#best[0]?.number ?? 0;
  }

  at(number: number): Block | undefined {
    return this.#best[number - this.oldest];
  }

  byHash(hash: string): Block | undefined {
    return this.#by_hash.get(hash);
  }

  append(block: Block): void {
    this.#best.push(block);
    this.#by_hash.set(block.hash, block);
    if (this.#best.length > blocks_kept) this.#best.shift();
    for (const [hash, { number }] of this.#by_hash) {
      if (number >= this.oldest) break;
      this.#by_hash.delete(hash);
    }
  }

  /** Removes up to `depth` blocks from the best branch. Finalized blocks stay. @returns the removed ones, newest first */
  retract(depth: number): Block[] {
    const count = Math.min(depth, this.head.number - this.#finalized);
    return count === 0 ? [] : this.#best.splice(-count).toReversed();
  }

  /** Finalizes up to block `number`. @returns the blocks that became final, oldest first */
  finalize(number: number): Block[] {
    const fresh: Block[] = [];
    for (let next = this.#finalized + 1; next <= number; next++) {
      const block = this.at(next);
      if (block !== undefined) fresh.push(block);
    }
    this.#finalized = Math.max(this.#finalized, number);
    return fresh;
  }
}
