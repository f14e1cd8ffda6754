import { limits } from "#shared/schemas/limits.ts";
import { UpstreamError } from "./upstream-error.ts";

export type Headers = readonly (readonly [name: string, value: string])[];

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  /** Whether the connection may serve another request once the body has ended. */
  readonly keeps_alive: boolean;
  /** The body's bytes where they are known beforehand. */
  readonly length: number | null;
}

const head_end = Buffer.from("\r\n\r\n");
const line_chars_max = 4_096;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads one HTTP/1.1 answer (RFC 9112) from the pieces in which it arrives; strict, because what it accepts goes to a client. */
export class ResponseReader {
  head: ResponseHead | null = null;
  /** The body's last byte was read. */
  is_done = false;
  readonly #method: string;
  #pending: Buffer = Buffer.alloc(0);
  #state: "head" | "length" | "until-close" | "chunk-size" | "chunk-data" | "chunk-end" | "trailers" = "head";
  #left = 0;

  constructor(method: string) {
    this.#method = method;
  }

  /** Bytes that came after the head of a 101, or after the body. */
  get rest(): Buffer {
    return this.#pending;
  }

  /** The pieces of body in `chunk`; throws UpstreamError when it is no HTTP. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const pieces: Buffer[] = [];
    while (!this.is_done && this.#step(pieces));
    // Even an empty part of what was read would keep the whole of it in memory.
    this.#pending = Buffer.from(this.#pending);
    return pieces;
  }

  /** The connection has ended: whether the answer is complete. */
  end(): boolean {
    if (this.#state === "until-close" && this.head) this.is_done = true;
    return this.is_done;
  }

  #step(pieces: Buffer[]): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "until-close":
        return this.#take(pieces, Number.POSITIVE_INFINITY);
      case "length":
        if (!this.#take(pieces, this.#left)) return false;
        this.is_done = this.#left === 0;
        return true;
      case "chunk-size":
        return this.#readChunkSize();
      case "chunk-data":
        if (!this.#take(pieces, this.#left)) return false;
        if (this.#left === 0) this.#state = "chunk-end";
        return true;
      case "chunk-end": {
        const line = this.#line();
        if (line !== null && line !== "") throw broken("a chunk is longer than it says");
        if (line === "") this.#state = "chunk-size";
        return line !== null;
      }
      case "trailers": {
        const line = this.#line();
        if (line === "") this.is_done = true;
        return line !== null;
      }
    }
  }

  #take(pieces: Buffer[], count: number): boolean {
    const piece = this.#pending.length <= count ? this.#pending : this.#pending.subarray(0, count);
    if (piece.length === 0) return false;
    this.#pending = this.#pending.subarray(piece.length);
    this.#left -= piece.length;
    pieces.push(piece);
    return true;
  }

  #line(): string | null {
    const end = this.#pending.indexOf("\r\n");
    if (end > line_chars_max || (end < 0 && this.#pending.length > line_chars_max)) throw broken("a line is too long");
    if (end < 0) return null;
    const line = this.#pending.toString("latin1", 0, end);
    this.#pending = this.#pending.subarray(end + 2);
    return line;
  }

  #readChunkSize(): boolean {
    const line = this.#line();
    if (line === null) return false;
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw broken("a chunk has no size");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailers" : "chunk-data";
    return true;
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf(head_end);
    const bytes_max = limits.proxy.upstream_head_bytes_max;
    if (end > bytes_max || (end < 0 && this.#pending.length > bytes_max)) throw broken("the head is too long");
    if (end < 0) return false;
    const head = parseHead(this.#pending.toString("latin1", 0, end));
    this.#pending = this.#pending.subarray(end + head_end.length);
    // 100 and 103 announce another head; 101 is the last.
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
    const has_bad_length = lengths.size > 1 || (length !== undefined && !/^\d{1,15}$/.test(length));
    if (has_bad_length || (encodings.length > 0 && lengths.size > 0)) throw broken("the body's length is ambiguous");
    if (encodings.length > 0 && encodings.join() !== "chunked") throw broken("the transfer encoding is unknown");
    const has_no_body = this.#method === "HEAD" || status === 101 || status === 204 || status === 304;
    this.#left = length === undefined ? 0 : Number(length);
    if (has_no_body || (length !== undefined && this.#left === 0)) this.is_done = true;
    else if (encodings.length > 0) this.#state = "chunk-size";
    else this.#state = length === undefined ? "until-close" : "length";
    const says_close = valuesOf("connection").some((value) => /(^|[\s,])close($|[\s,])/i.test(value));
    this.head = {
      status,
      reason: head.reason,
      headers,
      keeps_alive: head.minor_version === 1 && !says_close && this.#state !== "until-close",
      length: has_no_body || length === undefined ? null : this.#left,
    };
  }
}

function parseHead(text: string) {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.([01]) ([1-9]\d{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/.exec(first);
  if (!status) throw broken("the status line is none");
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass
    if (colon < 1 || !token.test(name) || /[\0-\x08\x0a-\x1f\x7f]/.test(value)) throw broken("a header line is none");
    return [name, value];
  });
  return { minor_version: Number(status[1]), status: Number(status[2]), reason: status[3] ?? "", headers };
}

function broken(what: string): UpstreamError {
  return new UpstreamError("broken", what);
}
