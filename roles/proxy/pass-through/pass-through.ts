import { ProblemError } from "#shared/http/problem.ts";
import type { ChallengeSpec } from "#shared/schemas/challenge.ts";
import type { Place } from "../bounds/in-flight.ts";
import type { Directory } from "../directory.ts";
import { relay } from "../http/answers.ts";
import { type Call, letSend } from "../http/call.ts";
import type { Client } from "../http/client-address.ts";
import type { RequestHead } from "../http/request-head.ts";
import { addressOf, type Connections, type UpstreamAddress } from "../upstream/connections.ts";
import { exchange } from "../upstream/exchange.ts";
import type { UpstreamRequest } from "../upstream/upstream-request.ts";
import { pathFault } from "./blocked-path.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { aliasedPath, isSignedRoute } from "./path-pattern.ts";

export interface PassThrough {
  readonly directory: Directory;
  readonly connections: Connections;
  /** Where a challenge is reached, `http://host:port`. */
  readonly resolve: (spec: ChallengeSpec) => string;
}

/** A request to a challenge, still without its body, and where it goes. */
export interface Forwarded extends Omit<UpstreamRequest, "body"> {
  readonly address: UpstreamAddress;
}

/** One segment for every reader: an encoded slash, backslash, dot, percent or control could lead to another route of the challenge. */
const oneSegment = /^(?:[\w.~!$&'()*+,;=:@-]|%(?:2[0-46-9a-d]|[346][0-9a-f]|5[0-9abd-f]|7[0-9a-e]|[89a-f][0-9a-f]))+$/i;

export interface RequestToForward {
  readonly head: RequestHead;
  readonly client: Client;
  readonly place: Place;
}

/**
 * The request that a challenge gets for one to `/challenges/{segment}{path}` (contract §2).
 *
 * @throws ProblemError 400 for a path with dot segments, 403 for one that is kept from the public, then 404, then 503 for a busy challenge
 */
export async function forward(
  proxy: PassThrough,
  request: RequestToForward,
  segment: string,
  path: string,
): Promise<Forwarded> {
  refuseFaulty(path);
  const { spec } = await proxy.directory.activeChallenge(segment);
  request.place.enterChallenge(spec.slug);
  const called = aliasedPath(spec, path);
  if (called !== path) refuseFaulty(called);
  const isSigned = isSignedRoute(spec, request.head.method, path);
  return forwardTo(proxy, request, { spec, path: called, isSignedRoute: isSigned });
}

interface Route {
  readonly spec: ChallengeSpec;
  readonly path: string;
  readonly isSignedRoute: boolean;
}

function forwardTo(
  { resolve }: PassThrough,
  { head, client }: Pick<RequestToForward, "head" | "client">,
  { spec, path, isSignedRoute }: Route,
): Forwarded {
  const base = new URL(resolve(spec));
  const headers = forwardedHeaders(head.headers, {
    slug: spec.slug,
    requestId: head.requestId,
    isSignedRoute,
    host: base.host,
    forwarded: client.forwarded,
  });
  return { address: addressOf(base), method: head.method, target: `${path}${head.query}`, headers };
}

/** Answers a request to `/challenges/{segment}{path}` with what the challenge answers, streaming both ways. */
export async function passThrough(proxy: PassThrough, call: Call, segment: string, path: string): Promise<void> {
  const { address, ...request } = await forward(proxy, call, segment, path);
  const { body_bytes } = call.head;
  letSend(call);
  const body = body_bytes === 0 ? null : { stream: call.body, bytes: body_bytes };
  await relay(await exchange(proxy.connections, address, { ...request, body }, call.signal), call);
}

/** Answers `GET /v1/challenges/{segment}/submissions/{id}` with the challenge's `GET /v1/submissions/{id}`. */
export async function readSubmission(proxy: PassThrough, call: Call, segment: string, id: string): Promise<void> {
  const { spec } = await proxy.directory.activeChallenge(segment);
  if (!oneSegment.test(id) || /^\.+$/.test(id)) {
    throw new ProblemError(404, "submission_not_found", "Submission not found");
  }
  call.place.enterChallenge(spec.slug);
  const { address, ...request } = forwardTo(proxy, call, {
    spec,
    path: `/v1/submissions/${id}`,
    isSignedRoute: false,
  });
  await relay(await exchange(proxy.connections, address, { ...request, body: null }, call.signal), call);
}

function refuseFaulty(path: string): void {
  switch (pathFault(path)) {
    case "dotted":
      throw new ProblemError(400, "dotted_path", "A path must not hold '.' or '..' segments, in any encoding.");
    case "blocked":
      throw new ProblemError(403, "path_not_allowed", "Proxy path is not allowed");
  }
}
