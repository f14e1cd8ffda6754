import { ProblemError } from "#shared/http/problem.ts";
import { requestIdOf } from "#shared/http/request-id.ts";
import type { Headers } from "../upstream/response-reader.ts";

/** A request's head, checked. Names of headers, `path` and `query` are as they were sent. */
export interface RequestHead {
  readonly method: string;
  readonly version: "1.0" | "1.1";
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  readonly headers: Headers;
  readonly host: string;
  readonly requestId: string;
  /** Of the body: null when it is chunked, 0 when there is none. */
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
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) (\S+) HTTP\/(1\.[01])$/;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
const badValue = /[\0-\x08\x0a-\x1f\x7f]/;
const authority = /^(?:[\w.~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const badTarget = /[\0-\x20\x7f#]/;

/** The first value of a header, `name` in lower case. */
export function headerOf(headers: Headers, name: string): string | undefined {
  return headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1];
}

/** Whether a header of this name (in lower case) has `word` in its comma-separated list. */
export function hasWord(headers: Headers, name: string, word: string): boolean {
  return headers.some(
    ([candidate, value]) =>
      candidate.toLowerCase() === name && value.split(",").some((part) => part.trim().toLowerCase() === word),
  );
}

/**
 * Reads a head, and refuses what two readers of HTTP could understand differently (RFC 9112 §2.2, §3.2, §5, §6.1).
 *
 * @param text the head in latin1: lines that end with CR LF, without the blank line
 * @throws ProblemError 400
 */
export function readHead(text: string): RequestHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method = "", target = "", version = ""] = requestLine.exec(first) ?? [];
  if (method === "") throw malformed("The request line is malformed.");
  const headers = lines.map(headerLine);
  if (!target.startsWith("/") && method !== "CONNECT") throw malformed("The request target must be a path.");
  if (badTarget.test(target)) throw malformed("The request target must be a path.");
  if (hasDuplicate(headers)) {
    throw new ProblemError(400, "duplicate_header", "A header that must be single was sent twice.");
  }
  const host = headerOf(headers, "host");
  if (host === undefined ? version !== "1.0" : !authority.test(host)) {
    throw malformed("The Host header is missing or malformed.");
  }
  const question = target.indexOf("?");
  return {
    method,
    version: version as "1.0" | "1.1",
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? "" : target.slice(question),
    headers,
    host: host ?? "",
    requestId: requestIdOf(headerOf(headers, "x-request-id")),
    body_bytes: bodyBytes(headers, version),
  };
}

/** What a request asks of its connection. */
export interface Demands {
  readonly isUpgrade: boolean;
  /** The connection ends after the answer. */
  readonly isLast: boolean;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly isContinueExpected: boolean;
}

/**
 * Reads from a head what it asks of its connection (RFC 9110 §7.8, §10.1.1; RFC 9112 §9.3).
 *
 * @throws ProblemError 405 for CONNECT, 417 for an expectation that is not met
 */
export function demandsOf({ method, version, headers }: RequestHead): Demands {
  if (method === "CONNECT")
    throw new ProblemError(405, "method_not_allowed", "CONNECT is not served: this is no forward proxy.");
  const isNew = version === "1.1";
  const isLast = !isNew || hasWord(headers, "connection", "close");
  if (isNew && headerOf(headers, "upgrade") !== undefined && hasWord(headers, "connection", "upgrade")) {
    return { isUpgrade: true, isLast, isContinueExpected: false };
  }
  const expectation = isNew ? headerOf(headers, "expect") : undefined;
  if (expectation !== undefined && expectation.toLowerCase() !== "100-continue") {
    throw new ProblemError(417, "expectation_failed", "The only expectation that is met is 100-continue.");
  }
  return { isUpgrade: false, isLast, isContinueExpected: expectation !== undefined };
}

/** Folded lines, a space before the colon and control characters are refused: servers disagree on what they mean. */
function headerLine(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (!token.test(name) || badValue.test(value)) throw malformed("A header line is malformed.");
  return [name, value];
}

function bodyBytes(headers: Headers, version: string): number | null {
  const [length, encoding] = [headerOf(headers, "content-length"), headerOf(headers, "transfer-encoding")];
  if (encoding !== undefined) {
    const isPlain = encoding.toLowerCase() === "chunked" && version === "1.1" && length === undefined;
    if (!isPlain) throw malformed("The body's transfer encoding must be chunked and nothing else.");
    return null;
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length))
    throw malformed("The Content-Length must be a number of at most 15 digits.");
  return Number(length ?? 0);
}

function hasDuplicate(headers: Headers): boolean {
  const names = headers.map(([name]) => name.toLowerCase()).filter((name) => single.has(name));
  return new Set(names).size < names.length;
}

export function malformed(detail: string): ProblemError {
  return new ProblemError(400, "malformed_request", detail);
}
