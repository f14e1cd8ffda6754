import type { Socket } from "node:net";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { plainAddress, type TrustedProxies } from "../http/client-address.ts";
import { Connection } from "../http/connection.ts";
import type { ConnectionSetting } from "../http/connection-setting.ts";

export interface GuardBounds {
  readonly connections_max: number;
  readonly connections_per_address_max: number;
  readonly trusted: TrustedProxies;
}

/** Counts the connections, all and by address; ends those beyond the limits; checks the time of each every second. */
export class ConnectionGuard {
  readonly #open = new Map<Socket, Connection>();
  readonly #byAddress = new Map<string, number>();
  readonly #bounds: GuardBounds;
  readonly #stop = new AbortController();
  #onEmpty: (() => void) | undefined;

  constructor(bounds: GuardBounds, clock: Clock) {
    this.#bounds = bounds;
    void this.#checkTimes(clock);
  }

  admit(socket: Socket, setting: ConnectionSetting): void {
    const address = plainAddress(socket.remoteAddress);
    const count = this.#byAddress.get(address) ?? 0;
    const { connections_max, connections_per_address_max, trusted } = this.#bounds;
    const isTrusted = trusted.has(address);
    const isOver = count >= connections_per_address_max && !isTrusted;
    if (isOver || this.#open.size >= connections_max) return void socket.destroy();
    this.#open.set(socket, new Connection(socket, setting, { address, share: isTrusted ? null : address }));
    this.#byAddress.set(address, count + 1);
    socket.once("close", () => {
      this.#open.delete(socket);
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
  }

  /** Ends each connection after its request in flight. */
  endAllSoon(): void {
    for (const connection of this.#open.values()) connection.endSoon();
  }

  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) return resolve();
      this.#onEmpty = resolve;
    });
  }

  cutAll(): void {
    this.#stop.abort();
    for (const socket of this.#open.keys()) socket.destroy();
  }

  async #checkTimes(clock: Clock): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(clock, limits.proxy.connection_check_every_ms, signal);
      for (const connection of this.#open.values()) connection.checkTime();
    }
  }
}
