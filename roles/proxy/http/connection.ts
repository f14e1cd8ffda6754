import type { Socket } from "node:net";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { Hold, memoryUsedUp } from "../bounds/byte-budget.ts";
import { refuseRaw } from "./answers.ts";
import { ArrivedBytes } from "./arrived-bytes.ts";
import type { ConnectionSetting, Peer } from "./connection-setting.ts";
import { endOurSide } from "./linger.ts";
import { RequestBody } from "./request-body.ts";
import { demandsOf, type RequestHead } from "./request-head.ts";
import { type ResponseOwner, ResponseWriter } from "./response-writer.ts";

const { proxy } = limits;

/**
 * One client's connection: one request after another (RFC 9112 §9.3). While a request is in flight, the socket is paused as soon as
 * more than its body has come. So at most one piece of what a client pipelines is held, and it is counted for the client.
 */
export class Connection implements ResponseOwner {
  readonly socket: Socket;
  readonly clock: Pick<Clock, "monotonic">;
  isLast = false;
  readonly unsentHold: Hold;
  readonly #setting: ConnectionSetting;
  readonly #peer: Peer;
  readonly #arrived: ArrivedBytes;
  #body: RequestBody | null = null;
  #response: ResponseWriter | null = null;
  #isClosing = false;
  /** By the monotonic clock. */
  #deadline_ms = 0;

  constructor(socket: Socket, setting: ConnectionSetting, peer: Peer) {
    this.socket = socket;
    this.clock = setting.clock;
    this.#setting = setting;
    this.#peer = peer;
    this.#arrived = new ArrivedBytes(new Hold(setting.memory, peer.share));
    this.unsentHold = new Hold(setting.memory, peer.share);
    this.#allow(proxy.head_ms_max);
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
  }

  /** Ends the connection when what is awaited has not come in time: a head, a body, the next request, the client's end. */
  checkTime(): void {
    this.#response?.checkUnsent();
    this.#attempt(() => this.#hold());
    const now_ms = this.clock.monotonic();
    const unsent_ms = now_ms - (this.#response?.unsent_since_ms ?? now_ms);
    if (unsent_ms > proxy.unsent_ms_max) return void this.cut();
    if (now_ms < this.#deadline_ms) return;
    const isArriving = this.#arrived.bytes.length > 0 || (this.#body !== null && !this.#body.isComplete);
    if (this.#isClosing || !isArriving || (!this.#response && this.#body)) return void this.cut();
    this.#refuse(new ProblemError(408, "request_timeout", "The request did not arrive in time."));
  }

  /** Ends the connection after the request in flight, or now when there is none. */
  endSoon(): void {
    this.isLast = true;
    if (!this.#response) this.cut();
  }

  cut(): void {
    this.socket.destroy();
  }

  /** Sets the time of what is awaited now. */
  #allow(ms: number): void {
    this.#deadline_ms = this.clock.monotonic() + ms;
  }

  #onData = (chunk: Buffer): void => {
    if (!this.#body && this.#arrived.bytes.length === 0) this.#allow(proxy.head_ms_max);
    this.#attempt(() => {
      this.#arrived.add(this.#body && !this.#body.isComplete ? this.#feed(this.#body, chunk) : chunk);
      this.#next();
      this.#arrived.compact();
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

  #onClose = (): void => {
    this.#arrived.clear();
    this.#body?.destroy();
    this.#response?.destroy();
  };

  /** Whoever hangs up before the answer does not want it. */
  #onGone = (): void => this.cut();

  #listeners = [
    ["data", this.#onData],
    ["end", this.#onGone],
    ["error", this.#onGone],
    ["close", this.#onClose],
    ["drain", () => this.#response?.drained()],
  ] as const;

  /** Gives back what follows the body. */
  #feed(body: RequestBody, chunk: Buffer): Buffer {
    const rest = body.accept(chunk);
    if (body.isComplete) this.#allow(Number.POSITIVE_INFINITY);
    else if (body.isFull) this.socket.pause();
    return rest;
  }

  /**
   * Takes memory for what has come and cannot be used yet: a head that has not ended, a body that nobody reads, requests behind the
   * one in flight, and the piece that a paused socket reads ahead.
   */
  #hold(): void {
    if (this.#isClosing) return;
    const unread_bytes = this.#body?.isFull ? this.#body.readableLength : 0;
    if (this.#arrived.hold(unread_bytes + this.socket.readableLength)) return;
    if (unread_bytes > 0 || !this.#response) throw memoryUsedUp("The door's memory is used up; try again.");
    // The answer in progress is the last.
    this.isLast = true;
    this.#arrived.clear();
  }

  /** Begins the next request when none is in flight and its head is there. */
  #next(): void {
    if (this.socket.destroyed) return;
    if (this.#response || this.#body) return void this.#pauseOrFlow();
    const head = this.#arrived.takeHead();
    if (head === null) return void this.socket.resume();
    this.#begin(head);
    this.#arrived.releaseIfEmpty();
  }

  #begin(head: RequestHead): void {
    const demands = demandsOf(head);
    if (demands.isUpgrade) return void this.#handOver(head);
    if (demands.isLast) this.isLast = true;
    const body = new RequestBody(head.body_bytes, () => {
      this.#arrived.releaseIfEmpty();
      if (!body.isComplete) this.socket.resume();
    });
    const response = new ResponseWriter(this, head);
    this.#body = body;
    this.#response = response;
    response.once("finish", () => this.#finished(body));
    this.#allow(body.isComplete ? Number.POSITIVE_INFINITY : proxy.request_ms_max);
    const isWaiting = demands.isContinueExpected && !body.isComplete;
    const { app, isTls } = this.#setting;
    void app.handle({ head, body, response, peer: this.#peer.address, isTls, isWaiting });
    if (!body.isComplete) this.#arrived.replace(this.#feed(body, this.#arrived.bytes));
    this.#pauseOrFlow();
  }

  /** The socket flows while an answer is awaited, so that a client that goes is noticed. It is paused when more has come than fits. */
  #pauseOrFlow(): void {
    if (this.#arrived.bytes.length > 0 || this.#body?.isFull) this.socket.pause();
    else this.socket.resume();
  }

  #finished(body: RequestBody): void {
    this.#response = null;
    if (this.isLast) return void this.#close();
    if (!body.isComplete) return void this.#skip(body);
    this.#body = null;
    const isNextThere = this.#arrived.bytes.length > 0;
    this.#allow(isNextThere ? proxy.head_ms_max : proxy.keep_alive_ms_max);
    if (!isNextThere) return void this.socket.resume();
    // In the next turn of the loop: a client that pipelines must not keep the others waiting.
    setImmediate(() => this.#attempt(() => this.#next()));
  }

  /** Drops what is left of a body whose answer has been given, within bounds, before the next request. */
  #skip(body: RequestBody): void {
    const bytes_max = body.received_bytes + proxy.drain_bytes_max;
    this.#allow(proxy.drain_ms_max);
    body.on("data", () => {
      if (body.received_bytes > bytes_max) this.cut();
    });
    body.once("end", () => this.#finished(body)).resume();
  }

  /** Hands the socket and what has come behind the head to a tunnel. */
  #handOver(head: RequestHead): void {
    const { socket } = this;
    const early = this.#arrived.bytes;
    this.#arrived.clear();
    this.#allow(Number.POSITIVE_INFINITY);
    socket.pause();
    for (const [event, listener] of this.#listeners) socket.off(event, listener);
    const { app, isTls } = this.#setting;
    void app.upgrade({ head, peer: this.#peer.address, isTls }, socket, early);
  }

  /** Ends the connection with a refusal. An answer in progress is never written into. */
  #refuse(problem: ProblemError): void {
    const response = this.#response;
    this.#setting.app.recordMalformed(problem.status);
    if (response?.headersSent) return void this.cut();
    refuseRaw(this.socket, problem, Bun.randomUUIDv7());
    this.#close();
    this.#response = null;
    this.#body?.destroy();
    response?.destroy();
  }

  /** Ends our side now. The whole connection ends with the client's side, or after `linger_ms_max`. */
  #close(): void {
    this.#isClosing = true;
    this.#arrived.clear();
    this.#allow(proxy.linger_ms_max);
    this.socket.off("data", this.#onData);
    endOurSide(this.socket);
  }
}
