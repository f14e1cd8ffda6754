import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Hold } from "../bounds/byte-budget.ts";
import { malformed, type RequestHead, readHead } from "./request-head.ts";

const headEnd = Buffer.from("\r\n\r\n");
const nothing = Buffer.alloc(0);
/** A line that ends without CR, or a first character that no method has. */
const noHttp = /(?:^|[^\r])\n|^[^!#-'*+.0-9A-Z^-z|~-]/;

/** What has come from a client and belongs to no request yet, and the memory that is taken for it. */
export class ArrivedBytes {
  readonly #hold: Hold;
  #bytes: Buffer = nothing;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  add(chunk: Buffer): void {
    if (chunk.length > 0) this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  replace(bytes: Buffer): void {
    this.#bytes = bytes;
  }

  /** Copies the bytes: even an empty part of a piece would keep the whole piece in memory. */
  compact(): void {
    this.#bytes = Buffer.from(this.#bytes);
  }

  clear(): void {
    this.#bytes = nothing;
    this.#hold.set(0);
  }

  /** Takes memory for these bytes and `more_bytes` beside them; false when that much is not left. */
  hold(more_bytes: number): boolean {
    return this.#hold.set(this.#bytes.length + more_bytes);
  }

  releaseIfEmpty(): void {
    if (this.#bytes.length === 0) this.#hold.set(0);
  }

  /**
   * The next request's head; null while it has not ended.
   *
   * @throws ProblemError 400 for what is no HTTP, 431 for a head that is too large
   */
  takeHead(): RequestHead | null {
    while (this.#bytes[0] === 13 && this.#bytes[1] === 10) this.#bytes = this.#bytes.subarray(2);
    const end = this.#bytes.indexOf(headEnd);
    const { head_bytes_max } = limits.proxy;
    if (end > head_bytes_max || (end < 0 && this.#bytes.length > head_bytes_max)) {
      throw new ProblemError(431, "head_too_large", "The request's line and headers are too large.");
    }
    if (end >= 0) {
      const head = readHead(this.#bytes.toString("latin1", 0, end));
      this.#bytes = this.#bytes.subarray(end + headEnd.length);
      return head;
    }
    if (noHttp.test(this.#bytes.toString("latin1"))) throw malformed("The request is not well-formed HTTP.");
    return null;
  }
}
