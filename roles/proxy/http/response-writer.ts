import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Hold } from "../bounds/byte-budget.ts";
import type { RequestHead } from "./request-head.ts";

/** What an answer asks and tells of its connection. */
export interface ResponseOwner {
  readonly socket: Socket;
  readonly clock: Pick<Clock, "monotonic">;
  /** The connection ends after this answer. */
  isLast: boolean;
  /** For what the client has not read. */
  readonly unsentHold: Hold;
  /** Closes the connection: its answer was given up in the middle. */
  cut(): void;
}

type Head = Pick<RequestHead, "method" | "version">;

/** Writes one answer to a client (RFC 9112): the head, then the body in the client's framing, at the client's pace. */
export class ResponseWriter extends Writable {
  statusCode = 0;
  readonly #owner: ResponseOwner;
  readonly #request: Head;
  #head: string | null = null;
  #isHeadSent = false;
  #isChunked = false;
  #hasNoBody = false;
  #onDrained: (() => void) | null = null;
  /** Bytes that the source of the answer has read ahead. */
  aheadBytes: () => number = () => 0;
  /** When the client began to leave what was sent unread, by the monotonic clock; null when it reads. */
  unsent_since_ms: number | null = null;

  constructor(owner: ResponseOwner, request: Head) {
    super();
    this.#owner = owner;
    this.#request = request;
  }

  /** The head is written, or will be: no other answer can be given. */
  get headersSent(): boolean {
    return this.#head !== null || this.#isHeadSent;
  }

  writeHead(status: number, reason: string, headers: readonly (readonly [string, string])[]): void {
    this.statusCode = status;
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
    const names = new Set(headers.map(([name]) => name.toLowerCase()));
    if (!names.has("date")) lines.push(`Date: ${httpDate()}\r\n`);
    this.#hasNoBody = this.#request.method === "HEAD" || status === 204 || status === 304;
    if (!this.#hasNoBody && !names.has("content-length")) {
      this.#isChunked = this.#request.version === "1.1";
      if (this.#isChunked) lines.push("Transfer-Encoding: chunked\r\n");
      else this.#owner.isLast = true;
    }
    if (headers.some(([name, value]) => /^connection$/i.test(name) && value === "close")) this.#owner.isLast = true;
    else lines.push(this.#owner.isLast ? "Connection: close\r\n" : keepAlive);
    this.#head = `HTTP/1.1 ${status} ${reason || (STATUS_CODES[status] ?? "")}\r\n${lines.join("")}\r\n`;
  }

  /** Sends the head before the first bytes of the body. */
  flushHeaders(): void {
    if (this.#head !== null) this.#owner.socket.write(this.#takeHead(), "latin1");
  }

  writeContinue(): void {
    this.#owner.socket.write("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
  }

  /** Takes memory for what the client leaves unread. When there is none left for it, the connection is cut. */
  checkUnsent(): void {
    if (this.unsent_since_ms === null) return;
    if (!this.#owner.unsentHold.set(this.writableLength + this.aheadBytes())) this.#owner.cut();
  }

  /** The socket can take more. */
  drained(): void {
    const onDrained = this.#onDrained;
    this.#onDrained = null;
    onDrained?.();
  }

  override _write(piece: Buffer, _: string, done: () => void): void {
    const head = this.#takeHead();
    const isEmpty = this.#hasNoBody || piece.length === 0;
    if (isEmpty) return void this.#send(head === "" ? [] : [Buffer.from(head, "latin1")], done);
    const start = this.#isChunked ? `${head}${piece.length.toString(16)}\r\n` : head;
    const parts = start === "" ? [piece] : [Buffer.from(start, "latin1"), piece];
    if (this.#isChunked) parts.push(crlf);
    this.#send(parts, done);
  }

  override _final(done: () => void): void {
    const end = `${this.#takeHead()}${this.#isChunked ? "0\r\n\r\n" : ""}`;
    this.#send(end === "" ? [] : [Buffer.from(end, "latin1")], done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#owner.unsentHold.set(0);
    this.unsent_since_ms = null;
    if (!this.writableFinished) this.#owner.cut();
    done(error);
  }

  /** Sends slices of at most 64 KiB: the socket copies what it cannot send at once. */
  #send(parts: Buffer[], done: () => void): void {
    const { clock, socket, unsentHold } = this.#owner;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const pieces = bytes <= slice_bytes_max ? [Buffer.concat(parts)] : parts.flatMap(slices);
    let next = 0;
    const more = () => {
      this.unsent_since_ms = null;
      while (next < pieces.length) {
        const piece = pieces[next++] as Buffer;
        if (socket.write(piece)) continue;
        this.unsent_since_ms = clock.monotonic();
        this.#onDrained = more;
        return void this.checkUnsent();
      }
      unsentHold.set(0);
      done();
    };
    more();
  }

  #takeHead(): string {
    const head = this.#head ?? "";
    this.#head = null;
    this.#isHeadSent ||= head !== "";
    return head;
  }
}

const crlf = Buffer.from("\r\n");
const slice_bytes_max = 65_536;
const keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${limits.proxy.keep_alive_ms_max / 1_000}\r\n`;
const date = { second: 0, text: "" };

function slices(part: Buffer): Buffer[] {
  if (part.length <= slice_bytes_max) return [part];
  const count = Math.ceil(part.length / slice_bytes_max);
  return Array.from({ length: count }, (_, at) => part.subarray(at * slice_bytes_max, (at + 1) * slice_bytes_max));
}

function httpDate(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== date.second) Object.assign(date, { second, text: new Date(second * 1_000).toUTCString() });
  return date.text;
}
