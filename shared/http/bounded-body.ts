import { limits } from "../schemas/limits.ts";
import { ProblemError } from "./problem.ts";

export interface BodyBounds {
  readonly bytes_max: number;
  /** Longest time for the whole body. */
  readonly ms_max?: number;
  /** Longest time without a byte. */
  readonly silence_ms_max?: number;
  /** The refusal of a body that is too large, where a contract fixes it. */
  tooLarge?(): ProblemError;
}

/** The body exceeds its bounds: bytes (`too_large`) or time (`too_slow`). */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly kind: "too_large" | "too_slow";

  constructor(kind: BodyError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

type Body = ReadableStream<Uint8Array> | null;

/**
 * The whole body of an answer that we asked for. A body beyond its bounds is not read on, and its connection is closed.
 *
 * @throws BodyError for a body that is too large or too slow
 */
export async function bytesWithin(body: Body, bounds: BodyBounds): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  const reader = body.getReader();
  try {
    return Buffer.concat(await Array.fromAsync(piecesOf(reader, bounds)));
  } catch (error) {
    // Not awaited: a sender of too much may never end. It rejects when the connection is gone already.
    reader.cancel().catch(() => undefined);
    throw error;
  }
}

/** The same, as text. @throws BodyError for a body that is too large or too slow */
export async function textWithin(body: Body, bounds: BodyBounds): Promise<string> {
  return (await bytesWithin(body, bounds)).toString("utf8");
}

const readToEnd = new WeakSet<Request>();

/** Whether a client may still be sending a body that nobody reads. */
export function isLeftUnread(request: Request): boolean {
  const { headers } = request;
  const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
  return hasBody && !readToEnd.has(request);
}

/**
 * The body of a request that we serve, piece by piece. A client that stops sending is given up. When the reader ends early,
 * `serve` lets the client finish sending.
 *
 * @throws ProblemError 413 when it is too large (before anything is read, if the client declares the size), 408 when it is too slow, 400 when the client goes
 */
export async function* requestPieces(
  request: Request,
  bounds: BodyBounds,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > bounds.bytes_max) throw tooLarge(bounds);
  if (request.body === null) return;
  const reader = request.body.getReader();
  try {
    yield* piecesOf(reader, { silence_ms_max: limits.http.body_silence_ms_max, ...bounds });
    readToEnd.add(request);
  } catch (error) {
    if (error instanceof BodyError) throw error.kind === "too_large" ? tooLarge(bounds) : tooSlow(error);
    if (request.signal.aborted)
      throw new ProblemError(400, "client_gone", "The connection ended before the request body did.", { cause: error });
    throw error;
  } finally {
    reader.releaseLock();
  }
}

/** The whole body of a request that we serve. @throws ProblemError as `requestPieces` */
export async function requestBytes(request: Request, bounds: BodyBounds): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(requestPieces(request, bounds)));
}

/** Bounds `json()`, `text()` and the other ways to read the whole request. They reject as `requestBytes` does. */
export function boundReaders(request: Request, bounds: BodyBounds): void {
  const bytes = () => requestBytes(request, bounds);
  const text = async () => (await bytes()).toString("utf8");
  const type = request.headers.get("content-type") ?? "";
  const asAnswer = async () => new Response(new Uint8Array(await bytes()), { headers: { "content-type": type } });
  const readers = {
    bytes,
    text,
    json: async () => JSON.parse(await text()),
    arrayBuffer: async () => (await asAnswer()).arrayBuffer(),
    blob: async () => (await asAnswer()).blob(),
    formData: async () => (await asAnswer()).formData(),
  };
  for (const [name, value] of Object.entries(readers)) Object.defineProperty(request, name, { value });
}

async function* piecesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { bytes_max, ms_max = Number.POSITIVE_INFINITY, silence_ms_max = Number.POSITIVE_INFINITY }: BodyBounds,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end_ms = performance.now() + ms_max;
  for (let bytes = 0; ; ) {
    const { done, value } = await readBefore(reader, Math.min(silence_ms_max, end_ms - performance.now()));
    if (done) return;
    bytes += value.byteLength;
    if (bytes > bytes_max) throw new BodyError("too_large", `the body is larger than ${bytes_max} bytes`);
    yield value;
  }
}

async function readBefore<T>(reader: ReadableStreamDefaultReader<T>, ms: number) {
  if (ms === Number.POSITIVE_INFINITY) return await reader.read();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new BodyError("too_slow", "the body does not come in time")), ms);
  try {
    return await Promise.race([reader.read(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge({ bytes_max, tooLarge: agreed }: BodyBounds): ProblemError {
  return (
    agreed?.() ?? new ProblemError(413, "request_too_large", `The request body is larger than ${bytes_max} bytes.`)
  );
}

function tooSlow(cause: BodyError): ProblemError {
  return new ProblemError(408, "request_too_slow", "The request body did not arrive in time.", { cause });
}
