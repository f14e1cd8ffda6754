import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { ServerWebSocket } from "bun";
import { createHttpApp, guarded } from "#shared/http/app.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { answerSender, declared_bytes_max } from "#shared/http/refused-sender.ts";
import { readJson } from "#shared/json/read-json.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Faults } from "../node/faults.ts";
import { RpcError } from "../node/rpc-error.ts";
import type { Methods } from "./method.ts";
import { Session } from "./session.ts";

const message_bytes_max = 1_048_576;
const batch_max = 100;
/** Bytes that wait for a client that does not read. A client with more is cut off: it would wait for a dropped answer for ever. */
const unread_bytes_max = 8 * 1_048_576;

interface Client {
  session?: Session;
}

export interface RpcServer {
  /** 0 on a unix socket. */
  readonly port: number;
  /** Cuts every open connection. */
  disconnectAll(): void;
  stop(): Promise<void>;
}

/** A TCP address, or the path of a unix socket, which is made with `mode` and replaces the one of a former run. */
export type RpcAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly unix: string; readonly mode: number };

interface ServerOptions {
  readonly methods: Methods;
  readonly faults: Faults;
  readonly log: Logger;
}

/** JSON-RPC 2.0 over WebSocket, and calls without subscriptions over HTTP POST. */
export function serveRpc(address: RpcAddress, options: ServerOptions): RpcServer {
  const post = guarded(createPostApp(options), options.log, { body_bytes_max: message_bytes_max });
  const sockets = new Set<ServerWebSocket<Client>>();
  const common = {
    maxRequestBodySize: declared_bytes_max,
    idleTimeout: 0,
    development: false,
    async fetch(request: Request, self: Bun.Server<Client>) {
      // Only Bun's own server can upgrade: Elysia's WebSockets bring a server of their own, which knows no `mode` of a socket.
      if (self.upgrade(request, { data: {} })) return undefined;
      return await answerSender(request, await post(request), self);
    },
    websocket: {
      maxPayloadLength: message_bytes_max,
      idleTimeout: 0,
      backpressureLimit: unread_bytes_max,
      closeOnBackpressureLimit: true,
      open(socket: ServerWebSocket<Client>) {
        sockets.add(socket);
        socket.data.session = new Session((message) => void socket.send(JSON.stringify(message)));
      },
      message(socket: ServerWebSocket<Client>, message: string | Buffer) {
        const { session } = socket.data;
        if (session === undefined) return;
        const answer = answerTo(message.toString(), session, options);
        if (answer !== "") socket.send(answer);
      },
      close(socket: ServerWebSocket<Client>) {
        sockets.delete(socket);
        socket.data.session?.close();
      },
    },
  };
  const server = listen(address, common);
  return {
    port: server.port ?? 0,
    disconnectAll() {
      for (const socket of sockets) socket.terminate();
    },
    async stop() {
      await server.stop(true);
      if ("unix" in address) rmSync(address.unix, { force: true });
    },
  };
}

function listen(address: RpcAddress, common: Omit<Bun.Serve.Options<Client>, "unix" | "port">): Bun.Server<Client> {
  if (!("unix" in address)) return Bun.serve({ ...common, ...address } as Bun.Serve.Options<Client>);
  mkdirSync(dirname(address.unix), { recursive: true });
  rmSync(address.unix, { force: true });
  const server = Bun.serve({ ...common, unix: address.unix } as Bun.Serve.Options<Client>);
  chmodSync(address.unix, address.mode);
  return server;
}

/** Every path takes calls, as at Subtensor's own nodes. */
function createPostApp(options: ServerOptions) {
  return createHttpApp(options.log)
    .post(
      "/*",
      async ({ request }) => {
        const session = new Session(() => undefined);
        const answer = answerTo(await request.text(), session, options);
        session.close();
        return new Response(answer, { headers: { "content-type": "application/json" } });
      },
      { parse: "none" },
    )
    .all("/*", () => {
      throw new ProblemError(405, "method_not_allowed", "Call JSON-RPC by POST or over a WebSocket.", {
        headers: { allow: "POST" },
      });
    });
}

function answerTo(text: string, session: Session, options: ServerOptions): string {
  const request = readJson(text);
  if (request === undefined) return JSON.stringify(failure(null, new RpcError(-32700, "Parse error")));
  if (!Array.isArray(request)) return JSON.stringify(answerOne(request, session, options));
  if (request.length > batch_max)
    return JSON.stringify(failure(null, new RpcError(-32010, "The batch request was too large")));
  return JSON.stringify(request.map((each) => answerOne(each, session, options)));
}

function answerOne(request: unknown, session: Session, { methods, faults, log }: ServerOptions): unknown {
  const { id = null, method, params = [] } = (request ?? {}) as { id?: unknown; method?: unknown; params?: unknown };
  try {
    if (faults.take("rate_limit_calls")) throw new RpcError(-32005, "Too many requests");
    if (typeof method !== "string" || !Array.isArray(params)) throw new RpcError(-32600, "Invalid request");
    const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (run === undefined) throw new RpcError(-32601, "Method not found");
    return { jsonrpc: "2.0", id, result: run(params, session) };
  } catch (error) {
    if (!(error instanceof RpcError)) log.error({ err: error, method: String(method) }, "a JSON-RPC call failed");
    return failure(id, error instanceof RpcError ? error : new RpcError(-32603, "Internal error"));
  }
}

function failure(id: unknown, { code, message, data }: RpcError): unknown {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}
