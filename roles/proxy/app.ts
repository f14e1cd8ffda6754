import type { Duplex } from "node:stream";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { InFlight, Place } from "./bounds/in-flight.ts";
import { answerWith, asProblem, refuse, refuseRaw } from "./http/answers.ts";
import { ClientGoneError } from "./http/body.ts";
import type { Call } from "./http/call.ts";
import type { Client, TrustedProxies } from "./http/client-address.ts";
import type { RequestHead } from "./http/request-head.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { createOwnRoutes, type OwnRoutes } from "./own-routes.ts";
import { forward, passThrough, readSubmission } from "./pass-through/pass-through.ts";
import { checkUpgrade, tunnel } from "./pass-through/tunnel.ts";
import { type Uploads, upload } from "./upload/upload.ts";

export interface ProxyWorld extends Uploads {
  readonly trusted: TrustedProxies;
  readonly publicSocket: string;
  readonly metrics: ProxyMetrics;
  readonly inFlight: InFlight;
}

/** A request's head and where it comes from. */
export interface Arrival {
  readonly head: RequestHead;
  /** The address at the other end of the connection. */
  readonly peer: string;
  readonly isTls: boolean;
}

/** What a connection calls. None of it throws or rejects. */
export interface ProxyApp {
  handle(request: Arrival & Pick<Call, "body" | "response" | "isWaiting">): Promise<void>;
  upgrade(request: Arrival, socket: Duplex, early: Buffer): Promise<void>;
  /** Counts a request that was refused with this status because it is no HTTP. */
  recordMalformed(status: number): void;
}

const challengePath = /^\/challenges\/([^/]+)(\/.*)?$/s;
const submissionsPath = /^\/v1\/challenges\/([^/]+)\/submissions$/;
const submissionPath = /^\/v1\/challenges\/([^/]+)\/submissions\/([^/]+)$/;

/** Answers the requests of the public door: it finds who answers each, and turns every failure into a refusal. */
export function createApp(world: ProxyWorld): ProxyApp {
  const routes = { ...world, ownRoutes: createOwnRoutes(world) };
  return {
    handle: (request) => handle(routes, request),
    upgrade: (request, socket, early) => upgrade(world, request, socket, early),
    recordMalformed: (status) => world.metrics.record("malformed", status, 0),
  };
}

interface Routes extends ProxyWorld {
  readonly ownRoutes: OwnRoutes;
}

async function handle(world: Routes, request: Parameters<ProxyApp["handle"]>[0]): Promise<void> {
  const { head, body, response, isWaiting } = request;
  const gone = new AbortController();
  response.on("close", () => {
    if (!response.writableFinished) gone.abort(new ClientGoneError("the client has gone"));
  });
  // Whoever reads or writes these streams deals with their failures; without a listener they would end the process.
  body.on("error", () => undefined);
  response.on("error", () => undefined);
  const { clock } = world;
  const started_ms = clock.monotonic();
  const client = clientOf(world, request);
  const place = placeOf(world, client);
  const call: Call = { head, body, response, client, place, isWaiting, clock, signal: gone.signal };
  try {
    place.enter();
    await dispatch(world, call);
  } catch (error) {
    await answerFailure(world, call, error);
  } finally {
    place.leave();
  }
  const ms = clock.monotonic() - started_ms;
  const { method, path, requestId } = head;
  world.metrics.record(routeOf(path), response.statusCode, ms);
  if (!world.log.isLevelEnabled("debug")) return;
  world.log.debug({ method, path, request_id: requestId, status: response.statusCode, ms: Math.round(ms) }, "request");
}

/** The `route` label of a request's metrics. */
function routeOf(path: string): string {
  if (challengePath.test(path)) return "challenge";
  return submissionsPath.test(path) ? "upload" : "read";
}

async function dispatch(world: Routes, call: Call): Promise<void> {
  const { method, path } = call.head;
  const challenge = challengePath.exec(path);
  if (challenge) return await passThrough(world, call, challenge[1] ?? "", challenge[2] ?? "/");
  const submissions = submissionsPath.exec(path);
  if (submissions) {
    allow(method, ["POST"]);
    return await upload(world, call, submissions[1] ?? "");
  }
  const submission = submissionPath.exec(path);
  if (submission) {
    allow(method, ["GET", "HEAD"]);
    return await readSubmission(world, call, submission[1] ?? "", submission[2] ?? "");
  }
  await answerWith(call, await world.ownRoutes(call.head, call.signal));
}

async function answerFailure(world: ProxyWorld, call: Call, error: unknown): Promise<void> {
  if (call.signal.aborted || error instanceof ClientGoneError) return void call.response.destroy();
  const problem = asProblem(error);
  logFault(world, problem, call.head.requestId);
  if (call.response.headersSent) return void call.response.destroy();
  await refuse(call, problem).catch(() => call.response.destroy());
}

async function upgrade(world: ProxyWorld, arrival: Arrival, socket: Duplex, early: Buffer): Promise<void> {
  const { head } = arrival;
  const gone = new AbortController();
  const client = clientOf(world, arrival);
  const place = placeOf(world, client);
  socket.on("error", () => gone.abort());
  // A client that does not end its side keeps its place for at most `linger_ms_max`.
  socket.once("finish", () => void world.clock.sleep(limits.proxy.linger_ms_max).then(() => socket.destroy()));
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
    const status = await tunnel(world.connections, forwarded, { socket, early, signal: gone.signal });
    world.metrics.record("websocket", status, 0);
  } catch (error) {
    if (gone.signal.aborted) return void socket.destroy();
    const problem = asProblem(error);
    logFault(world, problem, head.requestId);
    world.metrics.record("websocket", problem.status, 0);
    refuseRaw(socket, problem, head.requestId);
    socket.resume();
  }
}

/** Logs a refusal that has a cause. One for being busy has none: a storm would fill the log, and the metrics count it. */
function logFault({ log }: ProxyWorld, { status, cause, message }: ProblemError, requestId: string): void {
  if (status >= 500 && cause !== undefined) log.warn({ err: cause, request_id: requestId }, message);
}

function clientOf({ trusted }: ProxyWorld, { head, peer, isTls }: Arrival): Client {
  return trusted.clientOf(peer, isTls, head);
}

/** A trusted proxy that does not name its client stands for many clients: it has no share of its own. */
function placeOf({ inFlight, trusted }: ProxyWorld, { address }: Client): Place {
  return inFlight.placeOf(trusted.has(address) ? null : address);
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return;
  const headers = { allow: methods.join(", ") };
  throw new ProblemError(405, "method_not_allowed", `This path takes ${methods.join(" and ")}.`, { headers });
}
