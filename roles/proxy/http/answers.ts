import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { isConnectionError } from "#shared/database/migrate.ts";
import { ProblemError, problemOf } from "#shared/http/problem.ts";
import { returnedHeaders } from "../pass-through/forwarded-headers.ts";
import type { UpstreamAnswer } from "../upstream/exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { drain } from "./body.ts";
import type { Call } from "./call.ts";

/** Hands an upstream's answer to the client as it comes; one that breaks off ends as a broken connection, never as a short body. */
export async function relay(answer: UpstreamAnswer, { head, response }: Call): Promise<void> {
  const headers = returnedHeaders(answer.headers);
  if (!headers.some(([name]) => name.toLowerCase() === "x-request-id")) headers.push(["X-Request-Id", head.request_id]);
  response.writeHead(answer.status, answer.reason, headers);
  response.aheadBytes = () => answer.aheadBytes();
  if (!answer.isWhole()) response.flushHeaders();
  try {
    await answer.pipeTo(response);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    response.destroy();
  }
}

/** Answers with a body of our own. */
export function send(
  { head, response }: Call,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  const own = { ...headers, "content-length": String(Buffer.byteLength(body)), "x-request-id": head.request_id };
  response.writeHead(status, "", Object.entries(own));
  response.end(head.method === "HEAD" ? undefined : body);
}

/** Answers with a problem, after what the client still sends was read within bounds; the connection ends when that was not all. */
export async function refuse(call: Call, error: ProblemError): Promise<void> {
  await drain(call);
  const is_rest_unread = call.is_waiting || !call.body.isComplete;
  const headers = { ...error.headers, ...problemType, ...(is_rest_unread ? { connection: "close" } : {}) };
  send(call, error.status, headers, JSON.stringify(problemOf(error, call.head.request_id)));
}

/** A problem on a connection that has no request to answer: malformed, or about to be a tunnel. */
export function refuseRaw(socket: Duplex, error: ProblemError, request_id: string): void {
  const body = JSON.stringify(problemOf(error, request_id));
  const headers = { ...error.headers, ...problemType, "content-length": Buffer.byteLength(body), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
}

/** What a client is told of an upstream that did not answer: nothing of where it is. */
export function unavailable(error: UpstreamError): ProblemError {
  if (error.kind !== "unresolved") {
    return new ProblemError(502, "challenge_unavailable", "Challenge unavailable", { cause: error });
  }
  const headers = { "retry-after": "2" };
  return new ProblemError(503, "attaching", "Challenge is attaching", { cause: error, headers });
}

/** Any failure as what the client may read of it. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof UpstreamError) return unavailable(error);
  if (isConnectionError(error)) {
    const headers = { "retry-after": "2" };
    return new ProblemError(503, "database_unavailable", "The platform's database is unavailable.", {
      cause: error,
      headers,
    });
  }
  return new ProblemError(500, "internal_error", "An internal error occurred.", { cause: error });
}

const problemType = { "content-type": "application/problem+json" };
