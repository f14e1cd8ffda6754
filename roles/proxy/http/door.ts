import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Clock } from "#shared/time/clock.ts";
import type { ProxyApp } from "../app.ts";
import type { ByteBudget } from "../bounds/byte-budget.ts";
import { ConnectionGuard, type GuardBounds } from "../bounds/connection-guard.ts";

export interface DoorOptions extends GuardBounds {
  readonly hostname: string;
  readonly port: number;
  /** For what has come from a client and cannot be served yet. */
  readonly memory: ByteBudget;
  readonly clock: Clock;
  readonly tls?: TlsPair | undefined;
}

/** PEM texts. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

export interface Door {
  readonly port: number;
  /** Serves new connections with this certificate. Open ones stay as they are. */
  replaceCertificate(tls: TlsPair): Promise<void>;
  /** Accepts no more connections, waits at most `grace_ms` for the requests in flight, then cuts them. */
  stop(grace_ms: number): Promise<void>;
}

/** Opens the public port for `app`, with the limits of a door that faces everybody. It speaks HTTP/1.1 itself: decision 0001. */
export async function openDoor(app: ProxyApp, options: DoorOptions): Promise<Door> {
  const guard = new ConnectionGuard(options, options.clock);
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
      await Promise.race([guard.whenEmpty(), options.clock.sleep(grace_ms)]);
      guard.cutAll();
    },
  };
}

function build(app: ProxyApp, guard: ConnectionGuard, options: DoorOptions, tls: TlsPair | undefined): Server {
  const { memory, clock } = options;
  const setting = { app, memory, clock, isTls: tls !== undefined };
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
