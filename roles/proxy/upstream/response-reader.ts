import { limits } from "#shared/schemas/limits.ts";
import { UpstreamError } from "./upstream-error.ts";

export type Headers = readonly (readonly [name: string, value: string])[];

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  /** The connection may serve another request once the body has ended. */
  readonly isKeptAlive: boolean;
  /** Null when there is no body, or its length is not known beforehand. */
  readonly body_bytes: number | null;
}

const headEnd = Buffer.from("\r\n\r\n");
const line_chars_max = 4_096;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads one HTTP/1.1 answer (RFC 9112) from the pieces in which it arrives. It is strict, because what it accepts goes to a client. */
export class ResponseReader {
  head: ResponseHead | null = null;
  /** The body's last byte was read. */
  isDone = false;
  readonly #method: string;
  #pending: Buffer = Buffer.alloc(0);
  #state: "head" | "length" | "until-close" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers" = "head";
  #left_bytes = 0;

  constructor(method: string) {
    this.#method = method;
  }

  /** Bytes that came after the head of a 101, or after the body. */
  get rest(): Buffer {
    return this.#pending;
  }

  /**
   * The pieces of body in `chunk`.
   *
   * @throws UpstreamError when it is no HTTP
   */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const pieces: Buffer[] = [];
    while (!this.isDone && this.#step(pieces));
    // Copied: even an empty part of what was read would keep the whole of it in memory.
    this.#pending = Buffer.from(this.#pending);
    return pieces;
  }

  /** Tells that the connection has ended. True when the answer is complete. */
  end(): boolean {
    if (this.#state === "until-close" && this.head) this.isDone = true;
    return this.isDone;
  }

  #step(pieces: Buffer[]): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "until-close":
        return this.#take(pieces, Number.POSITIVE_INFINITY);
      case "length":
        if (!this.#take(pieces, this.#left_bytes)) return false;
        this.isDone = this.#left_bytes === 0;
        return true;
      case "chunk-size":
        return this.#readChunkSize();
      case "chunk-data":
        if (!this.#take(pieces, this.#left_bytes)) return false;
        if (this.#left_bytes === 0) this.#state = "chunk-end";
        return true;
      case "chunk-end": {
        const line = this.#line();
        if (line !== null && line !== "") throw broken("a chunk is longer than its size line says");
        if (line === "") this.#state = "chunk-size";
        return line !== null;
      }
      case "trailers": {
        const line = this.#line();
        if (line === "") this.isDone = true;
        return line !== null;
      }
    }
  }

  #take(pieces: Buffer[], count: number): boolean {
    const piece = this.#pending.length <= count ? this.#pending : this.#pending.subarray(0, count);
    if (piece.length === 0) return false;
    this.#pending = this.#pending.subarray(piece.length);
    this.#left_bytes -= piece.length;
    pieces.push(piece);
    return true;
  }

  #line(): string | null {
    const end = this.#pending.indexOf("\r\n");
    if (end > line_chars_max || (end < 0 && this.#pending.length > line_chars_max))
      throw broken("a line of the chunked body is too long");
    if (end < 0) return null;
    const line = this.#pending.toString("latin1", 0, end);
    this.#pending = this.#pending.subarray(end + 2);
    return line;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === null) return false;
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw broken("a chunk's size line is malformed");
    this.#left_bytes = Number.parseInt(size, 16);
    this.#state = this.#left_bytes === 0 ? "trailers" : "chunk-data";
    return true;
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(headEnd);
    const bytes_max = limits.proxy.upstream_head_bytes_max;
    if (end > bytes_max || (end < 0 && this.#pending.length > bytes_max))
      throw broken("the answer's head is too large");
    if (end < 0) return false;
    const head = parseHead(this.#pending.toString("latin1", 0, end));
    this.#pending = this.#pending.subarray(end + headEnd.length);
    // Another head follows 100 and 103. None follows 101.
    if (head.status < 200 && head.status !== 101) return true;
    this.#frame(head);
    return true;
  }

  #frame(head: ReturnType<typeof parseHead>): void {
    const { status, headers } = head;
    const valuesOf = (name: string) => headers.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
    const lengths = new Set(valuesOf("content-length"));
    const encodings = valuesOf("transfer-encoding").map((value) => value.toLowerCase());
    const [length] = lengths;
    const hasBadLength = lengths.size > 1 || (length !== undefined && !/^\d{1,15}$/.test(length));
    if (hasBadLength || (encodings.length > 0 && lengths.size > 0))
      throw broken("the Content-Length is malformed, or there is more than one length");
    if (encodings.length > 0 && encodings.join() !== "chunked") throw broken("the transfer encoding is not chunked");
    const hasNoBody = this.#method === "HEAD" || status === 101 || status === 204 || status === 304;
    this.#left_bytes = length === undefined ? 0 : Number(length);
    if (hasNoBody || (length !== undefined && this.#left_bytes === 0)) this.isDone = true;
    else if (encodings.length > 0) this.#state = "chunk-size";
    else this.#state = length === undefined ? "until-close" : "length";
    const saysClose = valuesOf("connection").some((value) => /(^|[\s,])close($|[\s,])/i.test(value));
    this.head = {
      status,
      reason: head.reason,
      headers,
      isKeptAlive: head.minorVersion === 1 && !saysClose && this.#state !== "until-close",
      body_bytes: hasNoBody || length === undefined ? null : this.#left_bytes,
    };
  }
}

function parseHead(text: string) {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.([01]) ([1-9]\d{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(first);
  if (!status) throw broken("the status line is malformed");
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
    if (colon < 1 || !token.test(name) || /[\0-\x08\x0a-\x1f\x7f]/.test(value))
      throw broken("a header line is malformed");
    return [name, value];
  });
  return { minorVersion: Number(status[1]), status: Number(status[2]), reason: status[3] ?? "", headers };
}

function broken(what: string): UpstreamError {
  return new UpstreamError("broken", what);
}
