import type { Socket } from "node:net";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { ProxyApp } from "../app.ts";
import { refuseRaw } from "./answers.ts";
import { type ByteBudget, Hold } from "./byte-budget.ts";
import { RequestBody } from "./request-body.ts";
import { hasWord, headerOf, malformed, type RequestHead, readHead } from "./request-head.ts";
import { type ResponseOwner, ResponseWriter } from "./response-writer.ts";

const { proxy } = limits;
const headEnd = Buffer.from("\r\n\r\n");
const nothing = Buffer.alloc(0);

/** What the connections of a door have in common. */
export interface ConnectionSetting {
  readonly app: ProxyApp;
  /** For what has come of a client and cannot be served yet. */
  readonly memory: ByteBudget;
  readonly isTls: boolean;
  readonly head_ms_max: number;
  readonly request_ms_max: number;
}

/** Where a connection comes from; `share` is whose part of the memory it uses: null for a trusted proxy, which stands for many. */
export interface Peer {
  readonly address: string;
  readonly share: string | null;
}

/**
 * One client's connection: one request after another (RFC 9112 §9.3). While one is in flight the socket is paused as soon as more
 * than its body has come, so what a client pipelines is one piece at most, and that piece is taken from the memory that all share.
 */
export class Connection implements ResponseOwner {
  readonly socket: Socket;
  isLast = false;
  readonly #setting: ConnectionSetting;
  readonly #peer: Peer;
  #pending: Buffer = nothing;
  /** Of the memory that all share: for what has come and cannot be used yet, and for an answer that the client does not read. */
  readonly #arrivedHold: Hold;
  readonly unsentHold: Hold;
  #body: RequestBody | null = null;
  #response: ResponseWriter | null = null;
  #isClosing = false;
  #dropped_bytes = 0;
  /** By the monotonic clock, milliseconds. */
  #deadline: number;

  constructor(socket: Socket, setting: ConnectionSetting, peer: Peer) {
    this.socket = socket;
    this.#setting = setting;
    this.#peer = peer;
    this.#arrivedHold = new Hold(setting.memory, peer.share);
    this.unsentHold = new Hold(setting.memory, peer.share);
    this.#deadline = performance.now() + setting.head_ms_max;
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose);
    socket.on("error", this.#onError).on("drain", this.#onDrain);
  }

  /** Ends what is later than it may be: a head, a body, the next request, the client's own end. */
  checkTime(now: number): void {
    this.#response?.checkUnsent();
    this.#attempt(() => this.#hold());
    const unsent_ms = now - (this.#response?.unsent_since ?? now);
    if (unsent_ms > proxy.unsent_ms_max) return void this.socket.destroy();
    if (now < this.#deadline) return;
    const isArriving = this.#pending.length > 0 || (this.#body !== null && !this.#body.isComplete);
    if (this.#isClosing || !isArriving || (!this.#response && this.#body)) return void this.socket.destroy();
    this.#refuse(new ProblemError(408, "request_timeout", "The request did not arrive in time."));
  }

  /** Ends the connection after the request in flight, or now when there is none. */
  endSoon(): void {
    this.isLast = true;
    if (!this.#response) this.socket.destroy();
  }

  cut(): void {
    this.socket.destroy();
  }

  #onData = (chunk: Buffer): void => {
    if (this.#isClosing) return void this.#drop(chunk);
    if (!this.#body && this.#pending.length === 0) this.#deadline = performance.now() + this.#setting.head_ms_max;
    this.#attempt(() => {
      const rest = this.#body && !this.#body.isComplete ? this.#feed(this.#body, chunk) : chunk;
      if (rest.length > 0) this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([this.#pending, rest]);
      this.#next();
      // Even an empty part of a piece would keep the whole of it in memory.
      this.#pending = Buffer.from(this.#pending);
      this.#hold();
    });
  };

  #attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.#refuse(error);
    }
  }

  #feed(body: RequestBody, chunk: Buffer): Buffer {
    const rest = body.accept(chunk);
    if (body.isComplete) this.#deadline = Number.POSITIVE_INFINITY;
    else if (body.isFull) this.socket.pause();
    return rest;
  }

  /**
   * Takes what has come and cannot be used yet from the memory that all share: of a head, of a body that nobody reads, of requests
   * behind the one in flight, and the piece that a paused socket reads ahead.
   */
  #hold(): void {
    if (this.#isClosing) return;
    const unread_bytes = this.#body?.isFull ? this.#body.readableLength : 0;
    const bytes = this.#pending.length + unread_bytes + this.socket.readableLength;
    if (this.#arrivedHold.set(bytes)) return;
    if (unread_bytes === 0 && this.#response) {
      // The answer in progress is the last.
      this.isLast = true;
      this.#letGo();
    } else throw busy();
  }

  #letGo(): void {
    this.#pending = nothing;
    this.#arrivedHold.set(0);
  }

  /** Begins the next request when none is in flight and its head is there. */
  #next(): void {
    if (this.socket.destroyed) return;
    if (this.#response || this.#body) {
      if (this.#pending.length > 0) this.socket.pause();
      return;
    }
    while (this.#pending[0] === 13 && this.#pending[1] === 10) this.#pending = this.#pending.subarray(2);
    const end = this.#pending.indexOf(headEnd);
    if (end > proxy.head_bytes_max || (end < 0 && this.#pending.length > proxy.head_bytes_max)) {
      throw new ProblemError(431, "head_too_large", "The request's line and headers are too large.");
    }
    if (end < 0) return void this.#awaitHead();
    const head = readHead(this.#pending.toString("latin1", 0, end));
    this.#pending = this.#pending.subarray(end + headEnd.length);
    this.#begin(head);
    if (this.#pending.length === 0) this.#arrivedHold.set(0);
  }

  #awaitHead(): void {
    if (/(?:^|[^\r])\n|^[^!#-'*+.0-9A-Z^-z|~-]/.test(this.#pending.toString("latin1"))) {
      throw malformed("The request is not well-formed HTTP.");
    }
    this.socket.resume();
  }

  #begin(head: RequestHead): void {
    if (head.method === "CONNECT") throw new ProblemError(405, "method_not_allowed", "This is no forward proxy.");
    const { headers, version } = head;
    const isUpgrade = headerOf(headers, "upgrade") !== undefined && hasWord(headers, "connection", "upgrade");
    if (isUpgrade && version === "1.1") return void this.#handOver(head);
    const expectation = version === "1.1" ? headerOf(headers, "expect") : undefined;
    if (expectation !== undefined && expectation.toLowerCase() !== "100-continue") {
      throw new ProblemError(417, "expectation_failed", "The only expectation that is met is 100-continue.");
    }
    if (version === "1.0" || hasWord(headers, "connection", "close")) this.isLast = true;
    const body = new RequestBody(head.body_bytes, () => {
      if (this.#pending.length === 0) this.#arrivedHold.set(0);
      if (!body.isComplete) this.socket.resume();
    });
    const response = new ResponseWriter(this, head);
    this.#body = body;
    this.#response = response;
    response.once("finish", () => this.#finished(body));
    this.#deadline = body.isComplete ? Number.POSITIVE_INFINITY : performance.now() + this.#setting.request_ms_max;
    const is_waiting = expectation !== undefined && !body.isComplete;
    const { isTls } = this.#setting;
    void this.#setting.app.handle({ head, body, response, peer: this.#peer.address, isTls, is_waiting });
    const rest = this.#pending;
    if (body.isComplete || rest.length === 0) return void this.#pauseOrFlow();
    this.#pending = this.#feed(body, rest);
    this.#pauseOrFlow();
  }

  /** A client that goes is noticed while its answer is awaited, unless it has sent more than was asked for. */
  #pauseOrFlow(): void {
    if (this.#pending.length > 0 || this.#body?.isFull) this.socket.pause();
    else this.socket.resume();
  }

  #finished(body: RequestBody): void {
    this.#response = null;
    if (this.isLast) return void this.#close();
    if (!body.isComplete) return void this.#skip(body);
    this.#body = null;
    this.#deadline =
      performance.now() + (this.#pending.length > 0 ? this.#setting.head_ms_max : proxy.keep_alive_ms_max);
    if (this.#pending.length === 0) return void this.socket.resume();
    // After everybody else's turn: what one client has pipelined must not keep the others waiting.
    setImmediate(() => this.#attempt(() => this.#next()));
  }

  /** The answer came before the body's end: what is left of it is dropped, within bounds, before the next request. */
  #skip(body: RequestBody): void {
    const bytes_max = body.received + proxy.drain_bytes_max;
    this.#deadline = performance.now() + proxy.drain_ms_max;
    body.on("data", () => {
      if (body.received > bytes_max) this.socket.destroy();
    });
    body.once("end", () => this.#finished(body)).resume();
  }

  /** The socket as it is, for a tunnel; what has come behind the head goes along. */
  #handOver(head: RequestHead): void {
    const { socket } = this;
    const early = this.#pending;
    this.#letGo();
    this.#deadline = Number.POSITIVE_INFINITY;
    socket.pause();
    socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
    socket.off("error", this.#onError).off("drain", this.#onDrain);
    const { isTls } = this.#setting;
    void this.#setting.app.upgrade({ head, peer: this.#peer.address, isTls }, socket, early);
  }

  /** Ends the connection with a refusal; an answer in progress is never written into. */
  #refuse(problem: ProblemError): void {
    const response = this.#response;
    this.#setting.app.recordMalformed(problem.status);
    if (response?.headersSent) return void this.socket.destroy();
    refuseRaw(this.socket, problem, Bun.randomUUIDv7());
    this.#close();
    this.#response = null;
    this.#body?.destroy();
    response?.destroy();
  }

  /** Ends our side, and the whole when the client has ended its own, or soon: a connection that is closed at once loses the answer. */
  #close(): void {
    this.#isClosing = true;
    this.#letGo();
    this.#deadline = performance.now() + proxy.linger_ms_max;
    this.socket.end();
    this.socket.resume();
  }

  #drop(chunk: Buffer): void {
    this.#dropped_bytes += chunk.length;
    if (this.#dropped_bytes > proxy.linger_bytes_max) this.socket.pause();
  }

  #onEnd = (): void => {
    // Whoever hangs up before the answer does not want it.
    this.socket.destroy();
  };

  #onClose = (): void => {
    this.#letGo();
    this.#body?.destroy();
    this.#response?.destroy();
  };

  #onError = (): void => void this.socket.destroy();

  #onDrain = (): void => this.#response?.drained();
}

function busy(): ProblemError {
  const headers = { "retry-after": "1" };
  return new ProblemError(503, "busy", "The door's memory is used up; try again.", { headers });
}
