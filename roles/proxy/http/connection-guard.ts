import type { Socket } from "node:net";
import { limits } from "#shared/schemas/limits.ts";
import { plainAddress, type TrustedProxies } from "./client-address.ts";
import { Connection, type ConnectionSetting } from "./connection.ts";

export interface GuardBounds {
  readonly connections_max: number;
  readonly connections_per_address_max: number;
  readonly trusted: TrustedProxies;
}

/** Counts connections, all and by address, ends those beyond the limits, and watches the time of each. */
export class ConnectionGuard {
  readonly #open = new Map<Socket, Connection>();
  readonly #by_address = new Map<string, number>();
  readonly #bounds: GuardBounds;
  readonly #timer: ReturnType<typeof setInterval>;
  #on_empty: (() => void) | undefined;

  constructor(bounds: GuardBounds) {
    this.#bounds = bounds;
    this.#timer = setInterval(() => this.#checkTimes(), limits.proxy.connection_check_every_ms);
  }

  admit(socket: Socket, setting: ConnectionSetting): void {
    const address = plainAddress(socket.remoteAddress);
    const count = this.#by_address.get(address) ?? 0;
    const { connections_max, connections_per_address_max, trusted } = this.#bounds;
    const isTrusted = trusted.has(address);
    const isOver = count >= connections_per_address_max && !isTrusted;
    if (isOver || this.#open.size >= connections_max) return void socket.destroy();
    this.#open.set(socket, new Connection(socket, setting, { address, share: isTrusted ? null : address }));
    this.#by_address.set(address, count + 1);
    socket.once("close", () => {
      this.#open.delete(socket);
      const left = (this.#by_address.get(address) ?? 1) - 1;
      if (left === 0) this.#by_address.delete(address);
      else this.#by_address.set(address, left);
      if (this.#open.size === 0) this.#on_empty?.();
    });
  }

  /** Each connection ends after the request it is busy with. */
  endAllSoon(): void {
    for (const connection of this.#open.values()) connection.endSoon();
  }

  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) return resolve();
      this.#on_empty = resolve;
    });
  }

  cutAll(): void {
    clearInterval(this.#timer);
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #checkTimes(): void {
    const now = performance.now();
    for (const connection of this.#open.values()) connection.checkTime(now);
  }
}
