import { ProblemError } from "#shared/http/problem.ts";

interface Use {
  bytes: number;
}

/**
 * Bytes of memory that all clients share. Whoever takes some gives them back.
 *
 * `key` says whose share they count for: a client's address, or null for a trusted proxy, which stands for many clients and has no
 * bound of its own. Where there are shares, nobody takes more than would be left for all others: a newcomer always finds a little.
 */
export class ByteBudget {
  readonly #bytes_max: number;
  readonly #share_bytes_max: number;
  readonly #byKey = new Map<string, Use>();
  #used_bytes = 0;

  constructor(bytes_max: number, share_bytes_max = bytes_max) {
    this.#bytes_max = bytes_max;
    this.#share_bytes_max = share_bytes_max;
  }

  /** What is taken now. */
  get used_bytes(): number {
    return this.#used_bytes;
  }

  /** False when that many are not left, in all or of the share: then none are taken. */
  take(key: string | null, bytes: number): boolean {
    const use = key === null ? undefined : this.#byKey.get(key);
    const left_bytes = this.#bytes_max - this.#used_bytes - bytes;
    const share_bytes =
      this.#share_bytes_max < this.#bytes_max ? Math.min(this.#share_bytes_max, left_bytes) : this.#share_bytes_max;
    if (left_bytes < 0 || (key !== null && (use?.bytes ?? 0) + bytes > share_bytes)) return false;
    this.#used_bytes += bytes;
    if (use) use.bytes += bytes;
    else if (key !== null) this.#byKey.set(key, { bytes });
    return true;
  }

  give(key: string | null, bytes: number): void {
    this.#used_bytes -= bytes;
    const use = key === null ? undefined : this.#byKey.get(key);
    if (!use || key === null) return;
    use.bytes -= bytes;
    if (use.bytes === 0) this.#byKey.delete(key);
  }
}

/** What one owner holds of a budget. Its need changes. */
export class Hold {
  readonly #budget: ByteBudget;
  readonly #key: string | null;
  #bytes = 0;

  constructor(budget: ByteBudget, key: string | null) {
    this.#budget = budget;
    this.#key = key;
  }

  /** Holds `bytes` from now on. False when that much is not left: then it holds what it held. */
  set(bytes: number): boolean {
    if (bytes > this.#bytes && !this.#budget.take(this.#key, bytes - this.#bytes)) return false;
    if (bytes < this.#bytes) this.#budget.give(this.#key, this.#bytes - bytes);
    this.#bytes = bytes;
    return true;
  }
}

/** @param detail one sentence that says what is used up, and to try again */
export function memoryUsedUp(detail: string): ProblemError {
  return new ProblemError(503, "busy", detail, { headers: { "retry-after": "1" } });
}
