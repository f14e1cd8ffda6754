import { Readable } from "node:stream";
import { limits } from "#shared/schemas/limits.ts";
import { malformed } from "./request-head.ts";

const nothing = Buffer.alloc(0);
const slice_bytes_max = 32_768;

/** A request's body as it comes, without its framing. It takes nothing of what follows on the connection. */
export class RequestBody extends Readable {
  /** The last byte has come. */
  isComplete = false;
  /** Bytes of the body that have come. */
  received_bytes = 0;
  /** Too much waits for its reader: no more should be accepted now. */
  isFull = false;
  readonly #onWanted: () => void;
  #state: "data" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers";
  #left_bytes: number;
  #line: Buffer = nothing;
  #trailer_bytes = 0;

  /**
   * @param bytes of the body; null when it is chunked
   * @param onWanted called when the reader has read what waited
   */
  constructor(bytes: number | null, onWanted: () => void) {
    super();
    this.#onWanted = onWanted;
    this.#state = bytes === null ? "chunk-size" : "data";
    this.#left_bytes = bytes ?? 0;
    if (bytes === 0) this.#finish();
  }

  /**
   * Takes what belongs to the body and gives back what follows it.
   *
   * @throws ProblemError 400 when the framing is broken
   */
  accept(chunk: Buffer): Buffer {
    let rest = chunk;
    const pieces: Buffer[] = [];
    while (!this.isComplete && rest.length > 0) rest = this.#step(rest, pieces);
    // Joined: a body of many tiny chunks would take a hundred times its bytes of memory.
    const [first = nothing] = pieces;
    const bytes = pieces.length > 1 ? Buffer.concat(pieces) : first;
    // In slices: the reader holds one. The others wait here, where they are counted.
    for (let at = 0; at < bytes.length && !this.destroyed; at += slice_bytes_max) {
      this.isFull = !this.push(bytes.subarray(at, at + slice_bytes_max));
    }
    if (this.isComplete) this.push(null);
    return rest;
  }

  override _read(): void {
    if (!this.isFull) return;
    this.isFull = false;
    this.#onWanted();
  }

  #step(rest: Buffer, pieces: Buffer[]): Buffer {
    if (this.#state === "data" || this.#state === "chunk-data") {
      const piece = rest.subarray(0, this.#left_bytes);
      pieces.push(piece);
      this.received_bytes += piece.length;
      this.#left_bytes -= piece.length;
      if (this.#left_bytes === 0 && this.#state === "data") this.isComplete = true;
      else if (this.#left_bytes === 0) this.#state = "chunk-end";
      return rest.subarray(piece.length);
    }
    const end = rest.indexOf(10);
    const part = end < 0 ? rest : rest.subarray(0, end + 1);
    this.#line = this.#line.length === 0 ? Buffer.from(part) : Buffer.concat([this.#line, part]);
    if (this.#line.length > limits.proxy.chunk_line_bytes_max)
      throw malformed("A line of the chunked body is too long.");
    if (end >= 0) this.#readLine(this.#line.toString("latin1"));
    return rest.subarray(part.length);
  }

  #readLine(line: string): void {
    this.#line = nothing;
    if (!line.endsWith("\r\n")) throw malformed("A line of the chunked body does not end with CR LF.");
    const text = line.slice(0, -2);
    if (this.#state === "chunk-size") {
      const size = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/.exec(text)?.[1];
      if (size === undefined) throw malformed("A chunk of the body has a malformed size line.");
      this.#left_bytes = Number.parseInt(size, 16);
      this.#state = this.#left_bytes === 0 ? "trailers" : "chunk-data";
    } else if (this.#state === "chunk-end") {
      if (text !== "") throw malformed("A chunk of the body is longer than its size line says.");
      this.#state = "chunk-size";
    } else {
      this.#trailer_bytes += line.length;
      if (this.#trailer_bytes > limits.proxy.trailer_bytes_max) throw malformed("The body's trailers are too long.");
      if (text === "") this.isComplete = true;
    }
  }

  #finish(): void {
    this.isComplete = true;
    this.push(null);
  }
}
