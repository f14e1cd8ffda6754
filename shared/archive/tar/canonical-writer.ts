import type { ArchiveEntry, EntrySink } from "../archive-entry.ts";
import { end_of_archive_bytes, paddingOf } from "./tar-format.ts";
import { canonicalHeader } from "./tar-writer.ts";

/** From here on a piece of a file is handed on as it is; smaller ones are gathered with the headers around them. */
const piece_bytes_min = 8 * 1024;
const gathered_bytes = 32 * 1024;
const nothing = new Uint8Array(0);

/** Packs what a reader meets; `take` answers what is packed so far. */
export class CanonicalWriter implements EntrySink {
  readonly #on_entry: ((entry: ArchiveEntry) => void) | undefined;
  #pieces: Uint8Array[] = [];
  #gathered: Uint8Array = nothing;
  /** Of `#gathered`, where what was not yet handed on begins and ends. */
  #start = 0;
  #end = 0;
  /** Of the file that is being written. */
  #left = 0;
  #padding = 0;

  constructor(on_entry: ((entry: ArchiveEntry) => void) | undefined) {
    this.#on_entry = on_entry;
  }

  entry(entry: ArchiveEntry): void {
    this.#on_entry?.(entry);
    this.#gather(canonicalHeader(entry));
    this.#left = entry.size_bytes;
    this.#padding = paddingOf(entry.size_bytes);
  }

  data(chunk: Uint8Array): void {
    if (chunk.length < piece_bytes_min) {
      this.#gather(chunk);
    } else {
      this.#close();
      this.#pieces.push(chunk);
    }
    this.#left -= chunk.length;
    if (this.#left === 0) this.#zeros(this.#padding);
  }

  finish(): void {
    this.#zeros(end_of_archive_bytes);
  }

  /** Some of it are views into the reader's input, good until the reader goes on. */
  take(): readonly Uint8Array[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #gather(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#gathered.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #zeros(bytes: number): void {
    this.#room(bytes);
    this.#gathered.fill(0, this.#end, this.#end + bytes);
    this.#end += bytes;
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#gathered.length) return;
    this.#close();
    this.#gathered = Buffer.allocUnsafeSlow(Math.max(bytes, gathered_bytes));
    this.#start = 0;
    this.#end = 0;
  }

  #close(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#gathered.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
