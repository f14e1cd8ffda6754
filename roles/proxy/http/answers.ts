import { once } from "node:events";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { isConnectionError } from "#shared/database/migrate.ts";
import { ProblemError, problemOf, problemResponse } from "#shared/http/problem.ts";
import { returnedHeaders } from "../pass-through/forwarded-headers.ts";
import { RelayedResponse } from "../upstream/relayed-response.ts";
import type { Headers } from "../upstream/response-reader.ts";
import type { UpstreamAnswer } from "../upstream/running-exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { drain } from "./body.ts";
import type { Call } from "./call.ts";

/** Hands an upstream's answer to the client as it comes. When it breaks off, the client's connection breaks: a body is never short. */
export async function relay(answer: UpstreamAnswer, { head, response }: Call): Promise<void> {
  const headers = returnedHeaders(answer.headers);
  if (!headers.some(([name]) => name.toLowerCase() === "x-request-id")) headers.push(["X-Request-Id", head.requestId]);
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

/** Answers with a problem. */
export async function refuse(call: Call, error: ProblemError): Promise<void> {
  await answerWith(call, problemResponse(error, call.head.requestId));
}

/**
 * Answers with a web Response, at the client's pace. Before a refusal, what the client still sends is read within bounds; when that
 * was not all of it, the connection ends after the answer.
 */
export async function answerWith(call: Call, answer: Response): Promise<void> {
  const { head, response } = call;
  const isRefusal = answer.status >= 400;
  if (isRefusal) await drain(call);
  const headers = [...answer.headers];
  if (!answer.headers.has("x-request-id")) headers.push(["x-request-id", head.requestId]);
  if (isRefusal && (call.isWaiting || !call.body.isComplete)) headers.push(["connection", "close"]);
  if (answer instanceof RelayedResponse) return await stream(call, answer, headers);
  const body = await answer.bytes();
  if (!answer.headers.has("content-length")) headers.push(["content-length", String(body.length)]);
  response.writeHead(answer.status, answer.statusText, headers);
  response.end(body);
}

/** When the body breaks off, the client's connection breaks: a body is never short. */
async function stream({ response, signal }: Call, answer: RelayedResponse, headers: Headers): Promise<void> {
  response.writeHead(answer.status, answer.statusText, headers);
  response.aheadBytes = answer.aheadBytes;
  try {
    for await (const piece of answer.body ?? []) {
      if (!response.write(piece)) await once(response, "drain", { signal });
    }
    response.end();
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    response.destroy();
  }
}

/** Answers with a problem, and ends the connection, where there is no response to write: no HTTP has come, or an upgrade. */
export function refuseRaw(socket: Duplex, error: ProblemError, requestId: string): void {
  const body = JSON.stringify(problemOf(error, requestId));
  const headers = { ...error.headers, ...problemType, "content-length": Buffer.byteLength(body), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
}

/** What a client is told when a challenge did not answer. It does not say where the challenge is. */
export function unavailable(error: UpstreamError): ProblemError {
  if (error.kind !== "unresolved") {
    return new ProblemError(502, "challenge_unavailable", "Challenge unavailable", { cause: error });
  }
  const headers = { "retry-after": "2" };
  return new ProblemError(503, "attaching", "Challenge is attaching", { cause: error, headers });
}

/** A failure as its client may read it. */
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
