import { connect, type Socket } from "node:net";

export type Target = { readonly port: number } | { readonly unix: string };

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The declared Content-Length; null: the body is chunked. */
  readonly declared_bytes: number | null;
}

/** A client that controls when its body is sent, and reads the answer meanwhile. */
export class RawClient implements Disposable {
  readonly #socket: Socket;
  readonly #isChunked: boolean;
  readonly #answered = Promise.withResolvers<{ readonly status: number; readonly at_ms: number }>();
  readonly #closed = Promise.withResolvers<void>();
  #received = "";

  private constructor(socket: Socket, isChunked: boolean) {
    this.#socket = socket;
    this.#isChunked = isChunked;
    this.#answered.promise.catch(() => undefined);
    socket.on("data", (piece) => {
      this.#received += piece.toString("latin1");
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(this.#received)?.[1];
      if (status && this.#received.includes("\r\n\r\n"))
        this.#answered.resolve({ status: Number(status), at_ms: performance.now() });
    });
    // Some tests expect a broken pipe, which shows as a missing answer.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#answered.reject(new Error(`closed without an answer: ${this.#received.slice(0, 100)}`));
      this.#closed.resolve();
    });
  }

  static async open(target: Target, { method, path, headers, declared_bytes }: RawRequest): Promise<RawClient> {
    const socket = "unix" in target ? connect(target.unix) : connect(target.port, "127.0.0.1");
    const client = new RawClient(socket, declared_bytes === null);
    const framing =
      declared_bytes === null ? { "transfer-encoding": "chunked" } : { "content-length": String(declared_bytes) };
    const lines = Object.entries({ host: "test", ...headers, ...framing }).map(([name, value]) => `${name}: ${value}`);
    await client.#write(Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`));
    return client;
  }

  /** Sends a part of the body. Resolves when the other side has taken it, or the connection has ended. */
  async send(bytes: Uint8Array): Promise<void> {
    if (!this.#isChunked) return await this.#write(bytes);
    await this.#write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve())),
      this.#closed.promise,
    ]);
  }

  /** The status of the answer, and how long after `since_ms` its head had arrived. */
  async answer(since_ms = performance.now()): Promise<{ readonly status: number; readonly after_ms: number }> {
    const { status, at_ms } = await this.#answered.promise;
    return { status, after_ms: at_ms - since_ms };
  }

  /** All bytes received so far. */
  get received(): string {
    return this.#received;
  }

  closed(): Promise<void> {
    return this.#closed.promise;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
