import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { limits } from "../schemas/limits.ts";
import { answerSender, declared_bytes_max } from "./refused-sender.ts";

export type Address =
  | { readonly unix: string; readonly mode?: number }
  | { readonly hostname: string; readonly port: number };

export interface Server {
  /** Where it listens: the socket's path, or `http://host:port`. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting; waits for requests in flight at most `grace_ms`, then cuts them. */
  stop(grace_ms?: number): Promise<void>;
}

/**
 * Serves `handle` on a unix socket or a TCP address; a socket's file of a former run is replaced. A response may be silent for
 * any time. A body that `handle` does not read stays in the network's buffers; a refused client may finish sending within a bound.
 */
export function serve(
  handle: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>,
  address: Address,
): Server {
  const common = {
    fetch: async (request: Request, server: Bun.Server<undefined>) =>
      answerSender(request, await handle(request, server), server),
    idleTimeout: 0,
    maxRequestBodySize: declared_bytes_max,
    development: false,
  };
  if (!("unix" in address)) {
    const server = Bun.serve({ ...common, hostname: address.hostname, port: address.port });
    return {
      url: `http://${address.hostname}:${server.port}`,
      port: server.port ?? 0,
      stop: (grace_ms) => stop(server, grace_ms),
    };
  }
  mkdirSync(dirname(address.unix), { recursive: true });
  rmSync(address.unix, { force: true });
  // Bun's idle time on a unix socket is 10 s unless it is set, but its types do not allow that.
  const server = Bun.serve({ ...common, unix: address.unix } as Bun.Serve.Options<undefined>);
  chmodSync(address.unix, address.mode ?? 0o660);
  return {
    url: address.unix,
    port: 0,
    async stop(grace_ms) {
      await stop(server, grace_ms);
      rmSync(address.unix, { force: true });
    },
  };
}

async function stop(server: Bun.Server<undefined>, grace_ms = limits.process.shutdown_ms_max / 2): Promise<void> {
  const drained = server.stop(false);
  // Connections of real clients: no test could bring its own time.
  const cut = setTimeout(() => void server.stop(true), grace_ms);
  await drained;
  clearTimeout(cut);
}
