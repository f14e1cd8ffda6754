/** Bytes of memory that many requests share: whoever takes some gives them back. */
export class ByteBudget {
  #left: number;

  constructor(bytes_max: number) {
    this.#left = bytes_max;
  }

  /** False when that many are not left; then none are taken. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}
