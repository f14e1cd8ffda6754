import { RpcError } from "../node/rpc-error.ts";

/** How many subscriptions one connection may hold. */
const subscriptions_max = 1_024;

/** One client connection: its subscriptions, and how to send to it. */
export class Session {
  readonly #send: (message: unknown) => void;
  readonly #stops = new Map<string, () => void>();
  #count = 0;

  constructor(send: (message: unknown) => void) {
    this.#send = send;
  }

  /**
   * Opens a subscription whose notifications carry `method`. `start` gets the push function and returns a function that stops.
   * The first push is sent after the answer that carries the subscription's ID.
   */
  subscribe(method: string, start: (push: (result: unknown) => void) => () => void): string {
    if (this.#stops.size >= subscriptions_max) throw new RpcError(-32006, "Too many subscriptions on the connection");
    const id = `dev${++this.#count}`;
    const push = (result: unknown): void =>
      queueMicrotask(() => {
        if (this.#stops.has(id)) this.#send({ jsonrpc: "2.0", method, params: { subscription: id, result } });
      });
    this.#stops.set(id, () => undefined);
    this.#stops.set(id, start(push));
    return id;
  }

  unsubscribe(id: unknown): boolean {
    const stop = this.#stops.get(String(id));
    stop?.();
    return this.#stops.delete(String(id));
  }

  close(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
