import type { IncomingMessage } from "node:http";
import { ProblemError } from "#shared/http/problem.ts";
import { requestIdOf } from "#shared/http/request-id.ts";
import type { Headers } from "../upstream/response-reader.ts";

/** A request's head, checked once. Names of headers keep their spelling; `path` and `query` are as they were sent. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly headers: Headers;
  readonly host: string;
  readonly request_id: string;
  /** Bytes of the body: null when they are not known beforehand, 0 when there is none. */
  readonly body_bytes: number | null;
}

const single = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "expect",
  "x-hotkey",
  "x-signature",
  "x-nonce",
  "x-timestamp",
]);
const authority = /^(?:[\w.~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const badTarget = /[\0-\x20\x7f#]/;

/** The first value of a header, `name` in lower case. */
export function headerOf(headers: Headers, name: string): string | undefined {
  return headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];
}

/**
 * Reads the head that node:http accepted and refuses what two readers of HTTP could understand differently (RFC 9112 §3.2, §6.1).
 *
 * @throws ProblemError 400
 */
export function readHead(message: IncomingMessage): RequestHead {
  const headers = pairs(message.rawHeaders);
  const target = message.url ?? "";
  if (!target.startsWith("/") || badTarget.test(target)) throw malformed("The request target must be a path.");
  if (hasDuplicate(headers)) {
    throw new ProblemError(400, "duplicate_header", "A header that must be single was sent twice.");
  }
  const host = headerOf(headers, "host");
  if (host === undefined ? message.httpVersion !== "1.0" : !authority.test(host)) {
    throw malformed("The Host header is missing or malformed.");
  }
  const question = target.indexOf("?");
  return {
    method: message.method ?? "",
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? "" : target.slice(question),
    headers,
    host: host ?? "",
    request_id: requestIdOf(headerOf(headers, "x-request-id")),
    body_bytes: bodyBytes(headers, message.httpVersion),
  };
}

function bodyBytes(headers: Headers, httpVersion: string): number | null {
  const [length, encoding] = [headerOf(headers, "content-length"), headerOf(headers, "transfer-encoding")];
  if (encoding !== undefined) {
    const is_plain = encoding.toLowerCase() === "chunked" && httpVersion === "1.1" && length === undefined;
    if (!is_plain) throw malformed("The body's transfer encoding must be chunked and nothing else.");
    return null;
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw malformed("The Content-Length is no number.");
  return Number(length ?? 0);
}

function hasDuplicate(headers: Headers): boolean {
  const names = headers.map(([name]) => name.toLowerCase()).filter((name) => single.has(name));
  return new Set(names).size < names.length;
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ""] as [string, string]] : []));
}

function malformed(detail: string): ProblemError {
  return new ProblemError(400, "malformed_request", detail);
}
