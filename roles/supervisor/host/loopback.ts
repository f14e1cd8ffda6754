import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createHttpApp, guarded } from "#shared/http/app.ts";
import { requestBytes } from "#shared/http/bounded-body.ts";
import { hopByHop } from "#shared/http/hop-by-hop.ts";
import { operation } from "#shared/http/operation.ts";
import { ProblemError, problemResponse } from "#shared/http/problem.ts";
import { requestIdOf } from "#shared/http/request-id.ts";
import { type Server, serve } from "#shared/http/serve.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { RoleNames } from "#shared/schemas/ops.ts";

const bounds = { bytes_max: limits.http.json_bytes_max, ms_max: limits.http.request_ms_max };

/**
 * The admin API on the manager's loopback. Swarm publishes ports on every address of a node, so this port leads to
 * `admin.sock` instead. It has no route of its own: whatever is asked, the admin role answers.
 */
export function forwardAdmin(runDirectory: string, port: number): Server {
  const socket = join(runDirectory, "admin", "admin.sock");
  return serve((request) => forward(request, socket, new URL(request.url).pathname), { hostname: "127.0.0.1", port });
}

/** The operator's port on the manager's loopback: see `createOpsPort`. */
export function forwardOps(runDirectory: string, port: number, log: Logger): Server {
  return serve(guarded(createOpsPort(runDirectory, log), log), { hostname: "127.0.0.1", port });
}

/** `/` lists the roles that run on this manager. `/<role>/readyz` and the other paths below a role lead to its `ops.sock`. */
function createOpsPort(runDirectory: string, log: Logger) {
  return createHttpApp(log)
    .get(
      "/",
      () => ({ roles: rolesWithSockets(runDirectory) }),
      operation({ tag: "ops", summary: "The roles of this manager", answer: RoleNames, isPublic: true }),
    )
    .get(
      "/:role/*",
      ({ request, params: { role, "*": path } }) => {
        if (!rolesWithSockets(runDirectory).includes(role))
          throw new ProblemError(404, "not_found", "There is nothing at this path.");
        return forward(request, opsSocket(runDirectory, role), `/${path}`);
      },
      operation({ tag: "ops", summary: "What a role tells its operator", refusals: [404, 503], isPublic: true }),
    );
}

function rolesWithSockets(runDirectory: string): string[] {
  if (!existsSync(runDirectory)) return [];
  return readdirSync(runDirectory)
    .filter((name) => existsSync(opsSocket(runDirectory, name)))
    .sort();
}

function opsSocket(runDirectory: string, role: string): string {
  return join(runDirectory, role, "ops.sock");
}

async function forward(request: Request, socket: string, path: string): Promise<Response> {
  const headers = new Headers(request.headers);
  for (const name of hopByHop) headers.delete(name);
  const requestId = requestIdOf(headers.get("x-request-id"));
  headers.set("x-request-id", requestId);
  try {
    const answer = await fetch(`http://platform.internal${path}${new URL(request.url).search}`, {
      unix: socket,
      method: request.method,
      headers,
      body: request.body && new Uint8Array(await requestBytes(request, bounds)),
      redirect: "manual",
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(limits.http.request_ms_max)]),
      decompress: false,
    });
    const answerHeaders = new Headers(answer.headers);
    for (const name of hopByHop) answerHeaders.delete(name);
    return new Response(answer.body, { status: answer.status, headers: answerHeaders });
  } catch (cause) {
    if (cause instanceof ProblemError) return problemResponse(cause, requestId);
    return problemResponse(
      new ProblemError(503, "role_unavailable", "The role behind this path does not answer. Try again soon.", {
        cause,
        headers: { "retry-after": "1" },
      }),
      requestId,
    );
  }
}
