import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { limits } from "#shared/schemas/limits.ts";
import type { Connections, UpstreamAddress } from "./connections.ts";
import { type Headers, type ResponseHead, ResponseReader } from "./response-reader.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, sent as they are. */
  readonly target: string;
  /** Without those that frame the body. */
  readonly headers: Headers;
  /** What to send: nothing, bytes, or a stream that has `length` bytes, or as many as come. */
  readonly body: null | HeldPieces | { readonly stream: Readable; readonly length: number | null };
}

export interface HeldPieces {
  readonly pieces: readonly Buffer[];
  readonly length: number;
  /** The last piece went out: they are not looked at again. */
  readonly onSent: () => void;
}

/** The head of an answer and its body, still on its way. */
export interface UpstreamAnswer extends ResponseHead {
  /** Whether the whole body is there already. */
  isWhole(): boolean;
  /** Bytes that were read and that nobody has taken: a paused socket reads one piece ahead. */
  aheadBytes(): number;
  /** Hands the body to `sink` as it comes, at the sink's pace, and ends it; rejects, the sink not ended, when it breaks off. */
  pipeTo(sink: Writable): Promise<void>;
  /** Gives the answer up. */
  discard(): void;
}

const repeatable = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * One request to an upstream, until the head of its answer is there (our own client: decision 0003). Requests that may be repeated use an idle connection
 * and are made again when the other side had just closed it; those with a stream of a body use only one that was busy a moment ago;
 * bytes, which are worth a connection of their own, get one.
 *
 * @throws UpstreamError
 */
export async function exchange(
  connections: Connections,
  address: UpstreamAddress,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const is_repeatable = request.body === null && repeatable.has(request.method);
  const { upstream_idle_ms_max, upstream_idle_once_ms_max } = limits.proxy;
  const isHeld = request.body !== null && "pieces" in request.body;
  const idle = isHeld
    ? null
    : connections.takeIdle(address, is_repeatable ? upstream_idle_ms_max : upstream_idle_once_ms_max);
  if (idle) {
    const run = new Exchange(connections, address, idle, request, signal);
    try {
      return await run.answer;
    } catch (error) {
      if (!is_repeatable || run.has_received || signal.aborted) throw error;
    }
  }
  const socket = await connections.open(address, signal);
  return await new Exchange(connections, address, socket, request, signal).answer;
}

/** The head of a request as it goes over the wire. */
export function headText({ method, target, headers }: Pick<UpstreamRequest, "method" | "target" | "headers">): string {
  return `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

class Exchange {
  readonly answer: Promise<UpstreamAnswer>;
  has_received = false;
  readonly #connections: Connections;
  readonly #address: UpstreamAddress;
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  readonly #signal: AbortSignal;
  #resolve!: (answer: UpstreamAnswer) => void;
  #reject!: (error: UpstreamError) => void;
  #early: Buffer[] = [];
  #sink: Writable | null = null;
  #finish: { resolve: () => void; reject: (error: UpstreamError) => void } | null = null;
  #failure: UpstreamError | null = null;
  #is_over = false;
  #is_sent = false;
  #is_announced = false;
  #head_timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    connections: Connections,
    address: UpstreamAddress,
    socket: Socket,
    request: UpstreamRequest,
    signal: AbortSignal,
  ) {
    this.#connections = connections;
    this.#address = address;
    this.#socket = socket;
    this.#signal = signal;
    this.#reader = new ResponseReader(request.method);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal.addEventListener("abort", this.#onAbort, { once: true });
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onEnd);
    socket.on("error", (cause) => this.#fail("the connection broke", cause));
    this.#send(request);
  }

  #onAbort = () => this.#fail("the client has gone", this.#signal.reason);

  #onData = (chunk: Buffer) => {
    this.has_received = true;
    if (this.#is_over) return void this.#socket.destroy();
    try {
      const pieces = this.#reader.push(chunk);
      for (const piece of joined(pieces)) this.#deliver(piece);
    } catch (cause) {
      return this.#fail("the answer is no HTTP", cause);
    }
    this.#announce();
    if (this.#reader.is_done) this.#complete();
  };

  #onEnd = () => {
    if (this.#is_over) return;
    if (this.#reader.end()) this.#complete();
    else this.#fail("the connection ended too early");
  };

  #announce(): void {
    const { head } = this.#reader;
    if (!head || this.#is_announced) return;
    this.#is_announced = true;
    clearTimeout(this.#head_timer);
    this.#resolve({
      ...head,
      isWhole: () => this.#reader.is_done,
      aheadBytes: () => this.#socket.readableLength,
      pipeTo: (sink) => this.#pipeTo(sink),
      discard: () => this.#discard(),
    });
  }

  #deliver(piece: Buffer): void {
    if (!this.#sink) {
      this.#early.push(piece);
      this.#socket.pause();
    } else if (!this.#sink.write(piece) && !this.#socket.isPaused()) {
      this.#socket.pause();
      this.#sink.once("drain", () => this.#socket.resume());
    }
  }

  #pipeTo(sink: Writable): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sink = sink;
      const early = this.#early.splice(0);
      if (this.#failure) return reject(this.#failure);
      if (this.#is_over) {
        // In one write with the head, which is what most answers are.
        sink.end(early.length === 0 ? undefined : Buffer.concat(early));
        return resolve();
      }
      this.#finish = { resolve, reject };
      this.#socket.resume();
      if (early.length > 0) this.#deliver(Buffer.concat(early));
    });
  }

  #discard(): void {
    this.#over();
    this.#socket.destroy();
  }

  #complete(): void {
    this.#announce();
    const { head, rest } = this.#reader;
    const is_reusable = this.#is_sent && head?.keeps_alive === true && rest.length === 0 && !this.#socket.destroyed;
    this.#over();
    if (is_reusable) this.#connections.keep(this.#address, this.#socket);
    else this.#socket.destroy();
    if (!this.#finish) return;
    this.#sink?.end();
    this.#finish.resolve();
  }

  #fail(message: string, cause?: unknown): void {
    if (this.#is_over) return;
    this.#failure = new UpstreamError("broken", message, cause);
    this.#over();
    this.#socket.destroy();
    this.#reject(this.#failure);
    this.#finish?.reject(this.#failure);
  }

  #over(): void {
    this.#is_over = true;
    clearTimeout(this.#head_timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #send(request: UpstreamRequest): void {
    const { body } = request;
    const headers = [...request.headers, ...framing(request)];
    this.#socket.write(headText({ ...request, headers }), "latin1");
    if (body === null) this.#sent();
    else if ("pieces" in body) this.#sendPieces(body);
    else this.#stream(body.stream, body.length === null);
  }

  #sent(): void {
    this.#is_sent = true;
    if (this.#is_announced) return;
    this.#head_timer = setTimeout(() => this.#fail("no answer in time"), limits.proxy.upstream_head_ms_max);
  }

  /** At the upstream's pace: what it does not take stays where it is. */
  #sendPieces({ pieces, onSent }: HeldPieces): void {
    let next = 0;
    const more = () => {
      while (next < pieces.length && !this.#is_over) {
        const piece = pieces[next++];
        if (piece && !this.#socket.write(piece)) return void this.#socket.once("drain", more);
      }
      if (this.#is_over) return;
      this.#sent();
      onSent();
    };
    more();
  }

  #stream(source: Readable, is_chunked: boolean): void {
    const socket = this.#socket;
    socket.on("drain", () => source.resume());
    source.on("data", (chunk: Buffer) => {
      // The answer came first: the rest of the body is read and dropped, or the client could not see the answer.
      if (this.#is_over || socket.destroyed) return;
      if (is_chunked) socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
      const is_flowing = is_chunked ? socket.write(Buffer.concat([chunk, crlf])) : socket.write(chunk);
      if (!is_flowing) source.pause();
    });
    source.once("end", () => {
      if (this.#is_over || socket.destroyed) return;
      if (is_chunked) socket.write("0\r\n\r\n", "latin1");
      this.#sent();
    });
    source.once("error", (cause) => this.#fail("the request broke off", cause));
    socket.once("close", () => source.resume());
  }
}

const crlf = Buffer.from("\r\n");
const small_bytes_max = 8_192;

/** Small pieces are worth a copy that saves a write each, large ones are not. */
function joined(pieces: Buffer[]): Buffer[] {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return bytes > pieces.length * small_bytes_max || pieces.length < 2 ? pieces : [Buffer.concat(pieces)];
}

function framing({ method, body }: UpstreamRequest): Headers {
  if (body === null)
    return method === "GET" || method === "HEAD" || method === "OPTIONS" ? [] : [["content-length", "0"]];
  return body.length === null ? [["transfer-encoding", "chunked"]] : [["content-length", String(body.length)]];
}
