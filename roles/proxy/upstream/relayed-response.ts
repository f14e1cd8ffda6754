import { Writable } from "node:stream";
import { returnedHeaders } from "../pass-through/forwarded-headers.ts";
import type { UpstreamAnswer } from "./running-exchange.ts";

/**
 * An upstream's answer to a request of this method, as a web Response. Its body comes at the pace at which it is read, and fails when
 * the upstream breaks off. Whoever reads it counts `aheadBytes` for its client.
 */
export class RelayedResponse extends Response {
  /** Bytes of the body that have come and were not read. */
  readonly aheadBytes: () => number;

  constructor(answer: UpstreamAnswer, method: string) {
    const { status, reason: statusText } = answer;
    const hasBody = method !== "HEAD" && status !== 204 && status !== 304;
    const body = hasBody ? new PacedBody(answer) : null;
    super(body?.stream ?? null, { status, statusText, headers: returnedHeaders(answer.headers) });
    this.aheadBytes = () => body?.aheadBytes ?? 0;
  }
}

/** Hands on a piece when one is asked for, and takes the next from the upstream only then. */
class PacedBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #answer: Pick<UpstreamAnswer, "aheadBytes">;
  readonly #sink: Writable;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isWanted = false;
  #next: { readonly piece: Buffer; readonly onTaken: () => void } | null = null;

  constructor(answer: Pick<UpstreamAnswer, "aheadBytes" | "pipeTo" | "discard">) {
    this.#answer = answer;
    this.#sink = new Writable({
      highWaterMark: 1,
      write: (piece: Buffer, _, onTaken) => {
        this.#next = { piece, onTaken };
        this.#handOn();
      },
      final: (onEnded) => {
        this.#controller.close();
        onEnded();
      },
    });
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isWanted = true;
          this.#handOn();
        },
        cancel: () => {
          this.#sink.destroy();
          answer.discard();
        },
      },
      { highWaterMark: 0 },
    );
    answer.pipeTo(this.#sink).catch((error: unknown) => this.#controller.error(error));
  }

  get aheadBytes(): number {
    return this.#sink.writableLength + this.#answer.aheadBytes();
  }

  #handOn(): void {
    const next = this.#next;
    if (!this.#isWanted || next === null) return;
    this.#isWanted = false;
    this.#next = null;
    this.#controller.enqueue(next.piece);
    next.onTaken();
  }
}
