import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Connections, UpstreamAddress } from "./connections.ts";
import { type ResponseHead, ResponseReader } from "./response-reader.ts";
import { UpstreamError } from "./upstream-error.ts";
import { type Sender, sendRequest, type UpstreamRequest } from "./upstream-request.ts";

/** The head of an answer and its body, still on its way. */
export interface UpstreamAnswer extends ResponseHead {
  /** Whether the whole body is there already. */
  isWhole(): boolean;
  /** Bytes that were read and that nobody has taken. A paused socket reads one piece ahead. */
  aheadBytes(): number;
  /**
   * Hands the body to `sink` as it comes, at the sink's pace, and ends the sink.
   *
   * @throws UpstreamError when the body breaks off: then the sink is not ended
   */
  pipeTo(sink: Writable): Promise<void>;
  /** Closes the connection without reading the rest. */
  discard(): void;
}

interface ExchangeParts {
  readonly connections: Connections;
  readonly address: UpstreamAddress;
  readonly socket: Socket;
  readonly request: UpstreamRequest;
  readonly signal: AbortSignal;
}

/** A request on one connection, and its answer. */
export class RunningExchange implements Sender {
  readonly answer: Promise<UpstreamAnswer>;
  /** Something of the answer has come. */
  hasReceived = false;
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
  #isOver = false;
  #isSent = false;
  #isAnnounced = false;

  constructor({ connections, address, socket, request, signal }: ExchangeParts) {
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
    sendRequest(socket, request, this);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  onSent(): void {
    this.#isSent = true;
    if (this.#isAnnounced) return;
    this.#connections.awaitedHeads.add(this.#onLate);
  }

  onBroken(cause: unknown): void {
    this.#fail("the request broke off", cause);
  }

  #onLate = () => this.#fail("no answer within 300 s");

  #onAbort = () => this.#fail("the client has gone", this.#signal.reason);

  #onData = (chunk: Buffer) => {
    this.hasReceived = true;
    if (this.#isOver) return void this.#socket.destroy();
    try {
      const pieces = this.#reader.push(chunk);
      for (const piece of joined(pieces)) this.#deliver(piece);
    } catch (cause) {
      return this.#fail("the answer is malformed HTTP", cause);
    }
    this.#announce();
    if (this.#reader.isDone) this.#complete();
  };

  #onEnd = () => {
    if (this.#isOver) return;
    if (this.#reader.end()) this.#complete();
    else this.#fail("the connection ended too early");
  };

  #announce(): void {
    const { head } = this.#reader;
    if (!head || this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#connections.awaitedHeads.delete(this.#onLate);
    this.#resolve({
      ...head,
      isWhole: () => this.#reader.isDone,
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
      if (this.#isOver) {
        // Most answers are whole by now: one write sends head and body.
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
    const isReusable = this.#isSent && head?.isKeptAlive === true && rest.length === 0 && !this.#socket.destroyed;
    this.#over();
    if (isReusable) this.#connections.keep(this.#address, this.#socket);
    else this.#socket.destroy();
    if (!this.#finish) return;
    this.#sink?.end();
    this.#finish.resolve();
  }

  #fail(message: string, cause?: unknown): void {
    if (this.#isOver) return;
    this.#failure = new UpstreamError("broken", message, cause);
    this.#over();
    this.#socket.destroy();
    this.#reject(this.#failure);
    this.#finish?.reject(this.#failure);
  }

  #over(): void {
    this.#isOver = true;
    this.#connections.awaitedHeads.delete(this.#onLate);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

const small_bytes_max = 8_192;

/** Joins small pieces: the copy costs less than a write for each. */
function joined(pieces: Buffer[]): Buffer[] {
  const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return bytes > pieces.length * small_bytes_max || pieces.length < 2 ? pieces : [Buffer.concat(pieces)];
}
