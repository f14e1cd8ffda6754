import { Type } from "@sinclair/typebox";
import { createHttpApp, routedOrigin } from "#shared/http/app.ts";
import { operation } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { PublicRegistry } from "#shared/schemas/public-registry.ts";
import { PublishedVector } from "#shared/schemas/weights.ts";
import type { RequestHead } from "./http/request-head.ts";
import { publicRead } from "./public-reads.ts";
import type { Connections } from "./upstream/connections.ts";

export interface OwnRoutesWorld {
  readonly connections: Connections;
  readonly publicSocket: string;
  readonly log: Logger;
}

/** Answers a request that is neither an upload nor a challenge's. It never rejects: a failure is answered. */
export type OwnRoutes = (head: RequestHead, signal: AbortSignal) => Promise<Response>;

const tag = "door";
const DoorIndex = Type.Object(
  { name: Type.Literal("platform"), version: Type.String(), paths: Type.Array(Type.String()) },
  { description: "what runs, and the paths that it serves" },
);
const Picture = Type.String({ description: "an SVG document" });

const publicReads = {
  "/v1/weights/latest": operation({
    tag,
    summary: "The last sealed weight vector",
    answer: PublishedVector,
    refusals: [503],
    isPublic: true,
  }),
  "/v1/registry": operation({
    tag,
    summary: "The challenges",
    answer: PublicRegistry,
    refusals: [503],
    isPublic: true,
  }),
  "/v1/challenges/dashboard.svg": operation({
    tag,
    summary: "The challenges as a picture",
    answer: Picture,
    contentType: "image/svg+xml",
    refusals: [503],
    isPublic: true,
  }),
};

const index = {
  name: "platform",
  version: buildInfo.version,
  paths: [
    "/challenges/{slug}/…",
    "/v1/challenges/{slug}/submissions",
    "/v1/challenges/{slug}/submissions/{id}",
    ...Object.keys(publicReads),
  ],
};

/** The routes that the proxy answers itself, and those that it reads from admin (contract §5). */
export function createOwnRoutes({ connections, publicSocket, log }: OwnRoutesWorld): OwnRoutes {
  const read = ({ request }: { request: Request }) => publicRead(connections, publicSocket, request);
  const app = createHttpApp(log, { isStrictPath: true });
  app.get("/", () => index, operation({ tag, summary: "What the door serves", answer: DoorIndex, isPublic: true }));
  app.all("/", refuseMethod);
  for (const [path, described] of Object.entries(publicReads)) {
    // HEAD has a route of its own: Elysia's would read the whole body to learn its length.
    app.get(path, read, described).head(path, read, described).all(path, refuseMethod);
  }
  return async (head, signal) => await app.handle(requestOf(head, signal));
}

function refuseMethod(): never {
  const headers = { allow: "GET, HEAD" };
  throw new ProblemError(405, "method_not_allowed", "This path takes GET and HEAD.", { headers });
}

/**
 * The head as a web Request. It has no body: none of the routes takes one. Path and method are set as they were sent: `new Request`
 * resolves dot segments, and on Bun 1.4.5 makes a GET of a method that it does not know.
 */
function requestOf({ method, path, query, headers, requestId }: RequestHead, signal: AbortSignal): Request {
  const sent = new Headers();
  for (const [name, value] of headers) sent.append(name, value);
  sent.set("x-request-id", requestId);
  const request = new Request(routedOrigin, { headers: sent, signal });
  Object.defineProperty(request, "url", { value: `${routedOrigin}${path}${query}` });
  return Object.defineProperty(request, "method", { value: method });
}
