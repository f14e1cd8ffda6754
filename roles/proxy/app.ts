import type { Duplex } from "node:stream";
import { ProblemError } from "#shared/http/problem.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { limits } from "#shared/schemas/limits.ts";
import { asProblem, refuse, refuseRaw, send } from "./http/answers.ts";
import { ClientGoneError } from "./http/body.ts";
import type { Call } from "./http/call.ts";
import type { Client, TrustedProxies } from "./http/client-address.ts";
import type { InFlight, Place } from "./http/in-flight.ts";
import type { RequestHead } from "./http/request-head.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { forward, passThrough, readSubmission } from "./pass-through/pass-through.ts";
import { checkUpgrade, tunnel } from "./pass-through/tunnel.ts";
import { publicRead, publicReads } from "./public-reads.ts";
import { type Uploads, upload } from "./upload/upload.ts";

export interface ProxyWorld extends Uploads {
  readonly trusted: TrustedProxies;
  readonly public_socket: string;
  readonly metrics: ProxyMetrics;
  readonly in_flight: InFlight;
}

/** A request's head and where it comes from. */
export interface Arrival {
  readonly head: RequestHead;
  /** The address at the other end of the connection. */
  readonly peer: string;
  readonly isTls: boolean;
}

/** What a connection calls. Nothing throws or rejects. */
export interface ProxyApp {
  handle(request: Arrival & Pick<Call, "body" | "response" | "is_waiting">): Promise<void>;
  upgrade(request: Arrival, socket: Duplex, early: Buffer): Promise<void>;
  /** A request that was refused with this status before it was one. */
  recordMalformed(status: number): void;
}

const challengePath = /^\/challenges\/([^/]+)(\/.*)?$/s;
const submissionsPath = /^\/v1\/challenges\/([^/]+)\/submissions$/;
const submissionPath = /^\/v1\/challenges\/([^/]+)\/submissions\/([^/]+)$/;

/** The public door over what it is given: the registry, nonces, metagraph and connections may be anybody's. */
export function createApp(world: ProxyWorld): ProxyApp {
  return {
    handle: (request) => handle(world, request),
    upgrade: (request, socket, early) => upgrade(world, request, socket, early),
    recordMalformed: (status) => world.metrics.record("malformed", status, 0),
  };
}

async function handle(world: ProxyWorld, request: Parameters<ProxyApp["handle"]>[0]): Promise<void> {
  const { head, body, response, is_waiting } = request;
  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort(new ClientGoneError("the client has gone"));
  });
  // Its failures are the business of whoever reads or writes it.
  body.on("error", () => undefined);
  response.on("error", () => undefined);
  const started = world.clock.monotonic();
  const client = clientOf(world, request);
  const place = placeOf(world, client);
  const call: Call = { head, body, response, client, place, is_waiting, signal: gone.signal };
  try {
    place.enter();
    await dispatch(world, call);
  } catch (error) {
    await answerFailure(world, call, error);
  } finally {
    place.leave();
  }
  const ms = world.clock.monotonic() - started;
  const { method, path, request_id } = head;
  world.metrics.record(routeOf(path), response.statusCode, ms);
  if (!world.log.isLevelEnabled("debug")) return;
  world.log.debug({ method, path, request_id, status: response.statusCode, ms: Math.round(ms) }, "request");
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

async function answerFailure(world: ProxyWorld, call: Call, error: unknown): Promise<void> {
  if (call.signal.aborted || error instanceof ClientGoneError) return void call.response.destroy();
  const problem = asProblem(error);
  logFault(world, problem, call.head.request_id);
  if (call.response.headersSent) return void call.response.destroy();
  await refuse(call, problem).catch(() => call.response.destroy());
}

async function upgrade(world: ProxyWorld, arrival: Arrival, socket: Duplex, early: Buffer): Promise<void> {
  const { head } = arrival;
  const gone = new AbortController();
  const client = clientOf(world, arrival);
  const place = placeOf(world, client);
  socket.on("error", () => gone.abort());
  // A client that does not end its side keeps its place no longer than any other.
  socket.once("finish", () => setTimeout(() => socket.destroy(), limits.proxy.linger_ms_max).unref());
  socket.on("close", () => {
    gone.abort();
    place.leave();
  });
  try {
    place.enter();
    checkUpgrade(head);
    const challenge = challengePath.exec(head.path);
    if (!challenge) throw new ProblemError(404, "not_found", "There is nothing at this path.");
    const forwarded = await forward(world, { head, client, place }, challenge[1] ?? "", challenge[2] ?? "/");
    const status = await tunnel(world.connections, forwarded, socket, early, gone.signal);
    world.metrics.record("websocket", status, 0);
  } catch (error) {
    if (gone.signal.aborted) return void socket.destroy();
    const problem = asProblem(error);
    logFault(world, problem, head.request_id);
    world.metrics.record("websocket", problem.status, 0);
    refuseRaw(socket, problem, head.request_id);
    socket.resume();
  }
}

/** Being busy is no fault: under a storm it would be the log's whole content; the metrics count it. */
function logFault({ log }: ProxyWorld, { status, cause, message }: ProblemError, request_id: string): void {
  if (status >= 500 && cause !== undefined) log.warn({ err: cause, request_id }, message);
}

function clientOf({ trusted }: ProxyWorld, { head, peer, isTls }: Arrival): Client {
  return trusted.clientOf(peer, isTls, head);
}

/** A trusted proxy that does not say for whom it asks stands for many. */
function placeOf({ in_flight, trusted }: ProxyWorld, { address }: Client): Place {
  return in_flight.placeOf(trusted.has(address) ? null : address);
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
