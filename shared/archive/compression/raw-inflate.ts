import { createInflateRaw, type InflateRaw } from "node:zlib";
import { damaged } from "./gzip-member.ts";

const chunk_bytes = 64 * 1024;

/**
 * Inflates a raw deflate stream chunk by chunk and tells where it ended. Reading and writing are one loop, so that a
 * consumer that stops leaves nothing running, and a chunk that expands a thousandfold is held back by what is read.
 */
export class RawInflate {
  readonly #zlib: InflateRaw = createInflateRaw({ chunkSize: chunk_bytes });
  #written_bytes = 0;
  #failure: unknown = null;
  #wake: () => void = () => undefined;

  constructor() {
    this.#zlib.on("readable", () => this.#wake());
    this.#zlib.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** Yields what `chunk` expands to. To be exhausted before the next call. Throws ArchiveError on damaged data. */
  async *write(chunk: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
    let isTaken = false;
    this.#written_bytes += chunk.length;
    this.#zlib.write(chunk, () => {
      isTaken = true;
      this.#wake();
    });
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      for (let out = this.#zlib.read(); out !== null; out = this.#zlib.read()) yield out;
      if (this.#failure !== null) throw damaged();
      // What a chunk expands to is pushed before its callback runs, so nothing of it can be unread here.
      if (isTaken) return;
      await woken;
    }
  }

  /** How many bytes at the end of the last chunk lie behind the end of the deflate stream; 0 while it has not ended. */
  get left_bytes(): number {
    return this.#written_bytes - this.#zlib.bytesWritten;
  }

  destroy(): void {
    this.#zlib.destroy();
  }
}
