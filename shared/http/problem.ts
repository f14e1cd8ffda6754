import { STATUS_CODES } from "node:http";
import type { Problem, ProblemExtensions } from "../schemas/problem.ts";

/**
 * A refusal that its receiver may read: `status` and `detail` go to the client as they are, so neither may hold
 * internals; what caused it goes to the log through `cause`. `code` is stable and machine-readable.
 */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly extensions: ProblemExtensions;

  constructor(
    status: number,
    code: string,
    detail: string,
    options: {
      readonly cause?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      /** Members beside those that every problem has; they go to the client too. */
      readonly extensions?: ProblemExtensions;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.extensions = options.extensions ?? {};
  }
}

/** The problem+json body of `error` (RFC 9457 §3); `instance` is the request id. */
export function problemOf(error: ProblemError, requestId: string): Problem {
  return {
    type: "about:blank",
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    detail: error.message,
    code: error.code,
    instance: requestId,
    ...error.extensions,
  };
}

/** `error` as the answer its receiver reads. */
export function problemResponse(error: ProblemError, requestId: string): Response {
  return new Response(JSON.stringify(problemOf(error, requestId)), {
    status: error.status,
    headers: { ...error.headers, "content-type": "application/problem+json", "x-request-id": requestId },
  });
}
