/** Keeps the last `bytes_max` of all pushed bytes, and at most as many again. */
export class Tail {
  readonly #bytes_max: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max;
  }

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes > 2 * this.#bytes_max) this.#cut();
  }

  /** The last bytes as text. It begins with a whole character. */
  text(): string {
    const bytes = Buffer.concat(this.#pieces);
    let start = Math.max(0, bytes.length - this.#bytes_max);
    while (start > 0 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
    return bytes.subarray(start).toString("utf8");
  }

  /** Keeps one byte more than wanted. That byte shows that the log began earlier than the text. */
  #cut(): void {
    const kept = Buffer.from(Buffer.concat(this.#pieces).subarray(-this.#bytes_max - 1));
    this.#pieces = [kept];
    this.#bytes = kept.length;
  }
}
