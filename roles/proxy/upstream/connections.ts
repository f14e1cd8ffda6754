import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { within } from "#shared/time/with-deadline.ts";
import { AwaitedHeads } from "./awaited-heads.ts";
import { UpstreamError } from "./upstream-error.ts";

export type UpstreamAddress = { readonly host: string; readonly port: number } | { readonly unix: string };

interface IdleSocket {
  readonly socket: Socket;
  /** By the monotonic clock. */
  readonly since_ms: number;
}

/** Where `http://host:port` is. */
export function addressOf({ hostname, port }: URL): UpstreamAddress {
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) };
}

/** Connections to upstreams. Idle ones are kept for a moment, to be used again. */
export class Connections {
  readonly #idle = new Map<string, IdleSocket[]>();
  readonly clock: Clock;
  readonly awaitedHeads: AwaitedHeads;

  constructor(clock: Clock) {
    this.clock = clock;
    this.awaitedHeads = new AwaitedHeads(clock);
  }

  /** A connection to `address` that has been idle for at most `ms_max`, or null. The other side may be closing it right now. */
  takeIdle(address: UpstreamAddress, ms_max: number): Socket | null {
    const list = this.#idle.get(keyOf(address));
    const youngest = list?.at(-1);
    if (!youngest || this.clock.monotonic() - youngest.since_ms > ms_max) return null;
    list?.pop();
    const { socket } = youngest;
    socket.removeAllListeners();
    return socket.destroyed || socket.readyState !== "open" ? null : socket.setTimeout(0);
  }

  /**
   * A new connection. A refused one is tried once more, after another lookup of the name.
   *
   * @throws UpstreamError `unresolved` or `refused`
   */
  async open(address: UpstreamAddress, signal: AbortSignal): Promise<Socket> {
    try {
      return await this.#openOnce(address, signal);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.kind !== "refused" || signal.aborted) throw error;
      return await this.#openOnce(address, signal);
    }
  }

  keep(address: UpstreamAddress, socket: Socket): void {
    const key = keyOf(address);
    const list = this.#idle.get(key) ?? [];
    if (list.length >= limits.proxy.upstream_idle_connections_max) return void socket.destroy();
    const drop = () => {
      socket.destroy();
      const at = list.findIndex((idle) => idle.socket === socket);
      if (at >= 0) list.splice(at, 1);
      if (list.length === 0 && this.#idle.get(key) === list) this.#idle.delete(key);
    };
    socket.removeAllListeners();
    // Nothing was asked on an idle connection: whatever comes is no answer.
    for (const event of ["data", "end", "close", "error", "timeout"] as const) socket.on(event, drop);
    socket.setTimeout(limits.proxy.upstream_idle_ms_max);
    list.push({ socket, since_ms: this.clock.monotonic() });
    this.#idle.set(key, list);
  }

  close(): void {
    for (const { socket } of [...this.#idle.values()].flat()) socket.destroy();
  }

  async #openOnce(address: UpstreamAddress, signal: AbortSignal): Promise<Socket> {
    if ("unix" in address) return await establish({ path: address.unix }, signal);
    const host = isIP(address.host) ? address.host : await this.#resolve(address.host);
    return await establish({ host, port: address.port }, signal);
  }

  /** Takes at most 2 s: for a name that it does not know, the engine's resolver asks others, which may not answer at all. */
  async #resolve(host: string): Promise<string> {
    try {
      const { address } = await within(
        this.clock,
        limits.proxy.upstream_lookup_ms_max,
        lookup(host),
        `the lookup of ${host}`,
      );
      return address;
    } catch (cause) {
      throw new UpstreamError("unresolved", `${host} has no address`, cause);
    }
  }
}

function establish(to: { path: string } | { host: string; port: number }, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ ...to, noDelay: true });
    const fail = (cause: unknown) => {
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners().on("error", () => undefined);
      socket.destroy();
      reject(new UpstreamError("refused", "no connection", cause));
    };
    const onAbort = () => fail(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.setTimeout(limits.proxy.upstream_connect_ms_max, () => fail(new Error("connecting took longer than 5 s")));
    socket.once("error", fail);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      resolve(socket.setTimeout(0).removeAllListeners());
    });
  });
}

function keyOf(address: UpstreamAddress): string {
  return "unix" in address ? address.unix : `${address.host} ${address.port}`;
}
