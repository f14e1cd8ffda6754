import { overLimit } from "../archive-error.ts";
import type { ArchiveLimits } from "../archive-limits.ts";

/** The chunks of an archive as it arrives, counted and bounded. */
export class Input {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #limits: ArchiveLimits;
  #bytes = 0;
  /** What was read to look at it, and is to be read again. */
  #head: Uint8Array | null = null;

  constructor(source: AsyncIterable<Uint8Array>, limits: ArchiveLimits) {
    this.#limits = limits;
    this.#chunks = this.#metered(source);
  }

  /** How many bytes have come so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first bytes, at least `bytes` or all there are; they are still to be read. */
  async look(bytes: number): Promise<Uint8Array> {
    this.#head = await this.readAtLeast(bytes);
    return this.#head;
  }

  async next(): Promise<Uint8Array | null> {
    if (this.#head !== null) {
      const head = this.#head;
      this.#head = null;
      return head;
    }
    const next = await this.#chunks.next();
    return next.done ? null : next.value;
  }

  /** `start` and what follows, until that is at least `wanted_bytes` or all there is. */
  async readAtLeast(wanted_bytes: number, start?: Uint8Array): Promise<Uint8Array> {
    const parts = start === undefined ? [] : [start];
    for (let bytes = start?.length ?? 0; bytes < wanted_bytes; ) {
      const next = await this.next();
      if (next === null) break;
      parts.push(next);
      bytes += next.length;
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  /** All of it, where that is no more than may be held in memory. */
  async readHeld(): Promise<Uint8Array> {
    const { held_bytes_max } = this.#limits;
    const all = await this.readAtLeast(held_bytes_max + 1);
    if (all.length > held_bytes_max)
      throw overLimit("held_bytes", "too many bytes for an archive of this form", held_bytes_max);
    return all;
  }

  /** Stops the source, whether or not it was read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return();
  }

  async *#metered(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      checkCompressed(this.#bytes, this.#limits);
      if (chunk.length > 0) yield chunk;
    }
  }
}

/** @throws ArchiveError where an archive of so many bytes, as it arrives, is too large */
export function checkCompressed(bytes: number, { compressed_bytes_max }: ArchiveLimits): void {
  if (bytes > compressed_bytes_max) throw overLimit("compressed_bytes", "too many bytes", compressed_bytes_max);
}

/** @throws ArchiveError where so many bytes became too many others */
export function checkRatio(expanded_bytes: number, compressed_bytes: number, limits: ArchiveLimits): void {
  if (expanded_bytes <= limits.ratio_free_bytes_max) return;
  if (expanded_bytes <= compressed_bytes * limits.ratio_max) return;
  throw overLimit("ratio", "archive expands too much: bytes for each that was sent", limits.ratio_max);
}
