import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { ProblemError } from "#shared/http/problem.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { asProblem, refuse, refuseRaw, send } from "./http/answers.ts";
import { ClientGoneError } from "./http/body.ts";
import type { Call } from "./http/call.ts";
import { plainAddress, type TrustedProxies } from "./http/client-address.ts";
import { type RequestHead, readHead } from "./http/request-head.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { forward, passThrough, readSubmission } from "./pass-through/pass-through.ts";
import { checkUpgrade, tunnel } from "./pass-through/tunnel.ts";
import { publicRead, publicReads } from "./public-reads.ts";
import { type Uploads, upload } from "./upload/upload.ts";

export interface ProxyWorld extends Uploads {
  readonly trusted: TrustedProxies;
  readonly public_socket: string;
  readonly metrics: ProxyMetrics;
}

/** What node:http calls. Neither function throws or rejects. */
export interface ProxyApp {
  handle(message: IncomingMessage, response: ServerResponse, is_waiting?: boolean): Promise<void>;
  upgrade(message: IncomingMessage, socket: Duplex, early: Buffer): Promise<void>;
}

const challengePath = /^\/challenges\/([^/]+)(\/.*)?$/s;
const submissionsPath = /^\/v1\/challenges\/([^/]+)\/submissions$/;
const submissionPath = /^\/v1\/challenges\/([^/]+)\/submissions\/([^/]+)$/;

/** The public door over what it is given: the registry, nonces, metagraph and connections may be anybody's. */
export function createApp(world: ProxyWorld): ProxyApp {
  return {
    async handle(message, response, is_waiting = false) {
      const gone = new AbortController();
      response.on("close", () => {
        if (!response.writableFinished) gone.abort(new ClientGoneError("the client has gone"));
      });
      // Its failures are the business of whoever reads the body.
      message.on("error", () => undefined);
      const begun = { message, response, signal: gone.signal, is_waiting };
      const started = world.clock.monotonic();
      let call: Call | null = null;
      let route = "malformed";
      try {
        const head = readHead(message);
        call = { ...begun, head, client: clientOf(world, message, head) };
        route = routeOf(head.path);
        await dispatch(world, call);
      } catch (error) {
        // A body whose end is in doubt is not read: the connection closes instead.
        await answerFailure(world, call ?? { ...begun, ...unread(message), is_waiting: true }, error);
      }
      const ms = world.clock.monotonic() - started;
      world.metrics.record(route, response.statusCode, ms);
      if (call && world.log.isLevelEnabled("debug")) {
        const { method, path, request_id } = call.head;
        world.log.debug({ method, path, request_id, status: response.statusCode, ms: Math.round(ms) }, "request");
      }
    },
    upgrade: (message, socket, early) => upgrade(world, message, socket, early),
  };
}

/** A request's label among the metrics. */
function routeOf(path: string): string {
  if (challengePath.test(path)) return "challenge";
  return submissionsPath.test(path) ? "upload" : "read";
}

async function dispatch(world: ProxyWorld, call: Call): Promise<void> {
  const { method, path } = call.head;
  const challenge = challengePath.exec(path);
  if (challenge) return await passThrough(world, call, challenge[1] ?? "", challenge[2] ?? "/");
  const submissions = submissionsPath.exec(path);
  if (submissions) {
    allow(method, ["POST"]);
    return await upload(world, call, submissions[1] ?? "");
  }
  const submission = submissionPath.exec(path);
  if (!submission && !publicReads.has(path) && path !== "/") {
    throw new ProblemError(404, "not_found", "There is nothing at this path.");
  }
  allow(method, ["GET", "HEAD"]);
  if (submission) await readSubmission(world, call, submission[1] ?? "", submission[2] ?? "");
  else if (path === "/") send(call, 200, { "content-type": "application/json" }, index);
  else await publicRead(world.connections, world.public_socket, call);
}

async function answerFailure({ log }: ProxyWorld, call: Call, error: unknown): Promise<void> {
  if (call.signal.aborted || error instanceof ClientGoneError) return void call.response.destroy();
  const problem = asProblem(error);
  if (problem.status >= 500)
    log.warn({ err: problem.cause ?? problem, request_id: call.head.request_id }, problem.message);
  if (call.response.headersSent) return void call.response.destroy();
  await refuse(call, problem).catch(() => call.response.destroy());
}

async function upgrade(world: ProxyWorld, message: IncomingMessage, socket: Duplex, early: Buffer): Promise<void> {
  const gone = new AbortController();
  socket.on("error", () => gone.abort()).on("close", () => gone.abort());
  let request_id = "";
  try {
    const head = readHead(message);
    request_id = head.request_id;
    checkUpgrade(head);
    const challenge = challengePath.exec(head.path);
    if (!challenge) throw new ProblemError(404, "not_found", "There is nothing at this path.");
    const request = { head, client: clientOf(world, message, head) };
    const forwarded = await forward(world, request, challenge[1] ?? "", challenge[2] ?? "/");
    const status = await tunnel(world.connections, forwarded, socket, early, gone.signal);
    world.metrics.record("websocket", status, 0);
  } catch (error) {
    if (gone.signal.aborted) return void socket.destroy();
    const problem = asProblem(error);
    if (problem.status >= 500) world.log.warn({ err: problem.cause ?? problem, request_id }, problem.message);
    world.metrics.record("websocket", problem.status, 0);
    refuseRaw(socket, problem, request_id);
  }
}

function clientOf({ trusted }: ProxyWorld, { socket }: IncomingMessage, head: RequestHead) {
  const is_tls = (socket as Socket & Partial<TLSSocket>).encrypted === true;
  return trusted.clientOf(plainAddress(socket.remoteAddress), is_tls, head);
}

/** Stands for a head that could not be read. */
function unread(message: IncomingMessage): Pick<Call, "head" | "client"> {
  const head = { method: message.method ?? "", path: "", query: "", headers: [], host: "", body_bytes: null };
  const forwarded = { for: "", proto: "", host: "" };
  return { head: { ...head, request_id: Bun.randomUUIDv7() }, client: { address: "", forwarded } };
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return;
  const headers = { allow: methods.join(", ") };
  throw new ProblemError(405, "method_not_allowed", `This path takes ${methods.join(" and ")}.`, { headers });
}

const index = `${JSON.stringify({
  name: "platform",
  version: buildInfo.version,
  paths: [
    "/challenges/{slug}/…",
    "/v1/challenges/{slug}/submissions",
    "/v1/challenges/{slug}/submissions/{id}",
    ...publicReads,
  ],
})}\n`;
