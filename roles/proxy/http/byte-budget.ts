interface Use {
  bytes: number;
}

/**
 * Bytes of memory that all clients share: whoever takes some gives them back. Nobody gets more than a share, nor, where there are
 * shares, more than then is left for all others: however many want all they can get, a newcomer finds room for a little.
 * `key` is whose share it is: a client's address, or null for one that stands for many, a trusted proxy.
 */
export class ByteBudget {
  readonly #bytes_max: number;
  readonly #share_max: number;
  readonly #by_key = new Map<string, Use>();
  #used = 0;

  constructor(bytes_max: number, share_max = bytes_max) {
    this.#bytes_max = bytes_max;
    this.#share_max = share_max;
  }

  /** Bytes that are taken now. */
  get used(): number {
    return this.#used;
  }

  /** False when that many are not left, in all or of the share; then none are taken. */
  take(key: string | null, bytes: number): boolean {
    const use = key === null ? undefined : this.#by_key.get(key);
    const left = this.#bytes_max - this.#used - bytes;
    const share = this.#share_max < this.#bytes_max ? Math.min(this.#share_max, left) : this.#share_max;
    if (left < 0 || (key !== null && (use?.bytes ?? 0) + bytes > share)) return false;
    this.#used += bytes;
    if (use) use.bytes += bytes;
    else if (key !== null) this.#by_key.set(key, { bytes });
    return true;
  }

  give(key: string | null, bytes: number): void {
    this.#used -= bytes;
    const use = key === null ? undefined : this.#by_key.get(key);
    if (!use || key === null) return;
    use.bytes -= bytes;
    if (use.bytes === 0) this.#by_key.delete(key);
  }
}

/** What one owner holds of a budget, as its need changes. */
export class Hold {
  readonly #budget: ByteBudget;
  readonly #key: string | null;
  #bytes = 0;

  constructor(budget: ByteBudget, key: string | null) {
    this.#budget = budget;
    this.#key = key;
  }

  /** Takes or gives back what is missing to `bytes`; false when that much is not left: then it holds what it held. */
  set(bytes: number): boolean {
    if (bytes > this.#bytes && !this.#budget.take(this.#key, bytes - this.#bytes)) return false;
    if (bytes < this.#bytes) this.#budget.give(this.#key, this.#bytes - bytes);
    this.#bytes = bytes;
    return true;
  }
}
