import type { ServerWebSocket } from "bun";
import { readJson } from "#shared/json/read-json.ts";
import type { Faults } from "../node/faults.ts";
import { RpcError } from "../node/rpc-error.ts";
import type { Methods } from "./method.ts";
import { Session } from "./session.ts";

const MESSAGE_BYTES_MAX = 1_048_576;
const BATCH_MAX = 100;

interface Client {
  session?: Session;
}

export interface RpcServer {
  readonly port: number;
  /** Cuts every open connection. */
  disconnectAll(): void;
  stop(): Promise<void>;
}

interface ServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly methods: Methods;
  readonly faults: Faults;
  report(method: string, cause: unknown): void;
}

/** JSON-RPC 2.0 over WebSocket, and single calls over HTTP POST. */
export function serveRpc(options: ServerOptions): RpcServer {
  const sockets = new Set<ServerWebSocket<Client>>();
  const server = Bun.serve<Client>({
    hostname: options.hostname,
    port: options.port,
    maxRequestBodySize: MESSAGE_BYTES_MAX,
    development: false,
    async fetch(request, self) {
      if (self.upgrade(request, { data: {} })) return undefined;
      if (request.method !== "POST") return new Response("JSON-RPC over WebSocket or POST\n", { status: 405 });
      const session = new Session(() => undefined);
      const answer = answerTo(await request.text(), session, options);
      session.close();
      return new Response(answer, { headers: { "content-type": "application/json" } });
    },
    websocket: {
      maxPayloadLength: MESSAGE_BYTES_MAX,
      idleTimeout: 0,
      open(socket) {
        sockets.add(socket);
        socket.data.session = new Session((message) => void socket.send(JSON.stringify(message)));
      },
      message(socket, message) {
        const { session } = socket.data;
        if (session === undefined) return;
        const answer = answerTo(message.toString(), session, options);
        if (answer !== "") socket.send(answer);
      },
      close(socket) {
        sockets.delete(socket);
        socket.data.session?.close();
      },
    },
  });
  return {
    port: server.port ?? options.port,
    disconnectAll() {
      for (const socket of sockets) socket.terminate();
    },
    async stop() {
      await server.stop(true);
    },
  };
}

function answerTo(text: string, session: Session, options: ServerOptions): string {
  const request = readJson(text);
  if (request === undefined) return JSON.stringify(failure(null, new RpcError(-32700, "Parse error")));
  if (!Array.isArray(request)) return JSON.stringify(answerOne(request, session, options));
  if (request.length > BATCH_MAX)
    return JSON.stringify(failure(null, new RpcError(-32010, "The batch request was too large")));
  return JSON.stringify(request.map((each) => answerOne(each, session, options)));
}

function answerOne(request: unknown, session: Session, { methods, faults, report }: ServerOptions): unknown {
  const { id = null, method, params = [] } = (request ?? {}) as { id?: unknown; method?: unknown; params?: unknown };
  try {
    if (faults.take("rate_limit_calls")) throw new RpcError(-32005, "Too many requests");
    if (typeof method !== "string" || !Array.isArray(params)) throw new RpcError(-32600, "Invalid request");
    const run = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (run === undefined) throw new RpcError(-32601, "Method not found");
    return { jsonrpc: "2.0", id, result: run(params, session) };
  } catch (error) {
    if (!(error instanceof RpcError)) report(String(method), error);
    return failure(id, error instanceof RpcError ? error : new RpcError(-32603, "Internal error"));
  }
}

function failure(id: unknown, { code, message, data }: RpcError): unknown {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}
