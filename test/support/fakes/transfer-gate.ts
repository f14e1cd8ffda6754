import { connect, createServer, type Server, type Socket } from "node:net";

/** A proxy between stagers and a broker's transfer port. It counts bytes, and can stop them half-way. */
export class TransferGate implements AsyncDisposable {
  readonly #upstream_port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #passed_bytes = 0;
  #barrier: { readonly at_bytes: number; readonly reached: () => void } | null = null;

  private constructor(upstream_port: number) {
    this.#upstream_port = upstream_port;
    this.#server = createServer((client) => this.#join(client));
  }

  static async open(upstream_port: number, host: string, port: number): Promise<TransferGate> {
    const gate = new TransferGate(upstream_port);
    await new Promise<void>((resolve) => gate.#server.listen(port, host, resolve));
    return gate;
  }

  get passed_bytes(): number {
    return this.#passed_bytes;
  }

  /** Lets `bytes` more pass, over all connections, then stops everything until `cut`. Resolves when it stops. */
  holdAfter(bytes: number): Promise<void> {
    return new Promise((reached) => {
      this.#barrier = { at_bytes: this.#passed_bytes + bytes, reached };
    });
  }

  /** Cuts all connections, and lets new ones pass. */
  cut(): void {
    this.#barrier = null;
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    const upstream = connect(this.#upstream_port, "127.0.0.1");
    this.#forward(client, upstream);
    this.#forward(upstream, client);
  }

  #forward(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on("end", () => to.end());
    to.on("drain", () => this.#isHeld() || from.resume());
    from.on("data", (piece) => {
      this.#passed_bytes += piece.length;
      const isFull = !to.write(piece);
      if (this.#isHeld()) {
        for (const socket of this.#sockets) socket.pause();
        this.#barrier?.reached();
      } else if (isFull) from.pause();
    });
  }

  #isHeld(): boolean {
    return this.#barrier !== null && this.#passed_bytes >= this.#barrier.at_bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
