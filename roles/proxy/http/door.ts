import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { ProxyApp } from "../app.ts";
import { refuseRaw } from "./answers.ts";
import { plainAddress, type TrustedProxies } from "./client-address.ts";

export interface DoorOptions {
  readonly hostname: string;
  readonly port: number;
  readonly connections_max: number;
  readonly connections_per_address_max: number;
  readonly trusted: TrustedProxies;
  readonly tls?: TlsPair | undefined;
  /** How long a request's head, and the whole request, may take to arrive. */
  readonly head_ms_max?: number;
  readonly request_ms_max?: number;
}

/** PEM texts. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

export interface Door {
  readonly port: number;
  /** New connections are greeted with this certificate; those that are open stay as they are. */
  replaceCertificate(tls: TlsPair): Promise<void>;
  /** Stops accepting; waits for requests in flight at most `grace_ms`, then cuts them. */
  stop(grace_ms: number): Promise<void>;
}

const { proxy } = limits;

function boundsOf(options: DoorOptions): ServerOptions & { requireHostHeader: boolean } {
  return {
    maxHeaderSize: proxy.head_bytes_max,
    headersTimeout: options.head_ms_max ?? proxy.head_ms_max,
    requestTimeout: options.request_ms_max ?? proxy.request_ms_max,
    keepAliveTimeout: proxy.keep_alive_ms_max,
    connectionsCheckingInterval: proxy.connection_check_every_ms,
    // We refuse it ourselves, with a body that says why.
    requireHostHeader: false,
  };
}

/** Opens the public port for `app`, with the limits of a door that faces everybody. */
export async function openDoor(app: ProxyApp, options: DoorOptions): Promise<Door> {
  const guard = new ConnectionGuard(options);
  const bounds = boundsOf(options);
  let server = await listen(build(app, guard, bounds, options.tls), options.hostname, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async replaceCertificate(tls) {
      const former = server;
      former.close();
      server = await listen(build(app, guard, bounds, tls), options.hostname, port);
      former.closeIdleConnections();
    },
    async stop(grace_ms) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([closed, guard.whenEmpty(), Bun.sleep(grace_ms)]);
      server.closeAllConnections();
      guard.cutAll();
    },
  };
}

function build(app: ProxyApp, guard: ConnectionGuard, bounds: ServerOptions, tls: TlsPair | undefined): Server {
  const server = tls ? createTlsServer({ ...bounds, ...tls }) : createServer(bounds);
  server.on("connection", (socket: Socket) => guard.admit(socket));
  server.on("request", (message: IncomingMessage, response: ServerResponse) => void app.handle(message, response));
  server.on(
    "checkContinue",
    (message: IncomingMessage, response: ServerResponse) => void app.handle(message, response, true),
  );
  server.on(
    "upgrade",
    (message: IncomingMessage, socket: Duplex, early: Buffer) => void app.upgrade(message, socket, early),
  );
  server.on("connect", (_: IncomingMessage, socket: Duplex) => {
    refuseRaw(socket, new ProblemError(405, "method_not_allowed", "This is no forward proxy."), Bun.randomUUIDv7());
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    refuseRaw(socket, refusalOf(error.code), Bun.randomUUIDv7());
  });
  return server;
}

function refusalOf(code: string | undefined): ProblemError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new ProblemError(431, "head_too_large", "The request's line and headers are too large.");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ProblemError(408, "request_timeout", "The request did not arrive in time.");
    default:
      return new ProblemError(400, "malformed_request", "The request is not well-formed HTTP.");
  }
}

async function listen(server: Server, hostname: string, port: number): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => resolve());
  });
  return server;
}

/** Counts connections, all and by address, and ends those beyond the limits. */
class ConnectionGuard {
  readonly #open = new Set<Socket>();
  readonly #by_address = new Map<string, number>();
  readonly #options: DoorOptions;
  #on_empty: (() => void) | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  admit(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const count = this.#by_address.get(address) ?? 0;
    const { connections_max, connections_per_address_max, trusted } = this.#options;
    const is_over = count >= connections_per_address_max && !trusted.has(address);
    if (is_over || this.#open.size >= connections_max) return void socket.destroy();
    this.#open.add(socket);
    this.#by_address.set(address, count + 1);
    socket.once("close", () => {
      this.#open.delete(socket);
      const left = (this.#by_address.get(address) ?? 1) - 1;
      if (left === 0) this.#by_address.delete(address);
      else this.#by_address.set(address, left);
      if (this.#open.size === 0) this.#on_empty?.();
    });
  }

  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#open.size === 0) return resolve();
      this.#on_empty = resolve;
    });
  }

  cutAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
