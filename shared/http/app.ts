import { Elysia } from "elysia";
import type { Logger } from "../observability/logger.ts";
import { limits } from "../schemas/limits.ts";
import { boundReaders } from "./bounded-body.ts";
import { ProblemError, problemResponse } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { faultProblem, type SchemaFault } from "./valid.ts";

/** Elysia finds the path by counting characters after the authority. A fixed, long authority keeps a client's Host out of routing. */
export const routedOrigin = "http://platform.internal";

/**
 * An Elysia app with the platform's rules: strict bodies, and every error a problem+json that leaks nothing: unexpected
 * ones are logged with the request id and answered as a plain 500. With `isStrictPath`, a path with a slash behind it is another.
 */
export function createHttpApp(log: Logger, { isStrictPath = false }: { readonly isStrictPath?: boolean } = {}) {
  return new Elysia({ normalize: false, strictPath: isStrictPath }).onError(
    { as: "global" },
    ({ code, error, request }) => {
      const requestId = request.headers.get("x-request-id") ?? "";
      return problemResponse(
        asProblem(code, error, (cause) => log.error({ err: cause, request_id: requestId }, "request failed")),
        requestId,
      );
    },
  );
}

function asProblem(code: string | number, error: unknown, report: (cause: unknown) => void): ProblemError {
  if (error instanceof ProblemError) {
    if (error.status >= 500 && error.cause !== undefined) report(error);
    return error;
  }
  switch (code) {
    case "NOT_FOUND":
      return new ProblemError(404, "not_found", "There is nothing at this path.");
    case "PARSE":
      if ((error as Error).cause instanceof ProblemError) return (error as Error).cause as ProblemError;
      return new ProblemError(400, "malformed_body", "The request body is not well-formed.");
    case "VALIDATION":
      return validationProblem(error);
    default:
      report(error);
      return new ProblemError(500, "internal_error", "An internal error occurred.");
  }
}

function validationProblem(error: unknown): ProblemError {
  const { all, type } = error as { all?: readonly Partial<SchemaFault>[]; type?: string };
  return faultProblem({ path: "", message: "invalid", ...all?.[0] }, type);
}

/**
 * The app as a fetch handler that is safe behind `Bun.serve`: it refuses the header joins that Bun makes of duplicates,
 * settles the request id, hides the client's authority from the router, and bounds what `json()`, `text()` and their like read.
 */
export function guarded(
  app: { handle(request: Request): Response | Promise<Response> },
  log: Logger,
  { body_bytes_max = limits.http.json_bytes_max }: { readonly body_bytes_max?: number } = {},
): (request: Request) => Promise<Response> {
  return async (request) => {
    const started = performance.now();
    const requestId = requestIdOf(request.headers.get("x-request-id"));
    const url = new URL(request.url);
    let response: Response;
    if (joined(request.headers)) {
      response = problemResponse(
        new ProblemError(400, "duplicate_header", "A header that must be single was sent twice."),
        requestId,
      );
    } else {
      // The request itself, not a copy: on Bun 1.4.5 the body of a copy that is not read to its end never settles.
      Object.defineProperty(request, "url", { value: `${routedOrigin}${url.pathname}${url.search}` });
      request.headers.set("x-request-id", requestId);
      boundReaders(request, { bytes_max: body_bytes_max, ms_max: limits.http.request_ms_max });
      response = await app.handle(request);
      response.headers.set("x-request-id", requestId);
    }
    log.debug(
      {
        request_id: requestId,
        method: request.method,
        path: url.pathname,
        status: response.status,
        ms: Math.round(performance.now() - started),
      },
      "request",
    );
    return response;
  };
}

function joined(headers: Headers): boolean {
  return ["host", "authorization", "content-length"].some((name) => headers.get(name)?.includes(","));
}
