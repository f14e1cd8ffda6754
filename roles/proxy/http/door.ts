import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { limits } from "#shared/schemas/limits.ts";
import type { ProxyApp } from "../app.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { ConnectionGuard, type GuardBounds } from "./connection-guard.ts";

export interface DoorOptions extends GuardBounds {
  readonly hostname: string;
  readonly port: number;
  /** For what has come of a client and cannot be served yet. */
  readonly memory: ByteBudget;
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

/**
 * Opens the public port for `app`, with the limits of a door that faces everybody. It speaks HTTP/1.1 itself: node:http starts a
 * handler for each pipelined request of what it has read (19,000 at once of a 2 MB write, the socket paused or not), Bun.serve joins
 * headers and resolves paths before they can be checked.
 */
export async function openDoor(app: ProxyApp, options: DoorOptions): Promise<Door> {
  const guard = new ConnectionGuard(options);
  let server = await listen(build(app, guard, options, options.tls), options.hostname, options.port);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async replaceCertificate(tls) {
      server.close();
      server = await listen(build(app, guard, options, tls), options.hostname, port);
    },
    async stop(grace_ms) {
      server.close();
      guard.endAllSoon();
      await Promise.race([guard.whenEmpty(), Bun.sleep(grace_ms)]);
      guard.cutAll();
    },
  };
}

function build(app: ProxyApp, guard: ConnectionGuard, options: DoorOptions, tls: TlsPair | undefined): Server {
  const { memory, head_ms_max = limits.proxy.head_ms_max, request_ms_max = limits.proxy.request_ms_max } = options;
  const setting = { app, memory, isTls: tls !== undefined, head_ms_max, request_ms_max };
  const bounds = { noDelay: true };
  const server = tls ? createTlsServer({ ...bounds, ...tls }) : createServer(bounds);
  server.on("connection", (socket: Socket) => guard.admit(socket, setting));
  return server;
}

async function listen(server: Server, hostname: string, port: number): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => resolve());
  });
  return server;
}
