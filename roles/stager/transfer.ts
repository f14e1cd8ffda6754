import { StagerError } from "./outcome.ts";
import { Attempt, Interrupted, type TransferContext } from "./transfer-attempt.ts";

export type { TransferContext } from "./transfer-attempt.ts";

const wait_ms_min = 100;
const wait_ms_max = 5_000;

/** Yields the bytes behind the URL. After a broken connection it resumes. @throws StagerError when it fails for good */
export async function* download(context: TransferContext): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for (let wait_ms = wait_ms_min; ; wait_ms = Math.min(2 * wait_ms, wait_ms_max)) {
    const attempt = new Attempt(context);
    const start = at;
    try {
      for await (const chunk of downloadFrom(attempt, start)) {
        at += chunk.length;
        yield chunk;
        attempt.touch();
      }
      return;
    } catch (error) {
      if (at > start) wait_ms = wait_ms_min;
      await Attempt.pause(context, error, wait_ms);
    } finally {
      attempt.stop();
    }
  }
}

async function* downloadFrom(attempt: Attempt, start: number): AsyncGenerator<Uint8Array, void, undefined> {
  // A range is asked for even at the start: streamed answers lose Content-Length, but Content-Range tells the size.
  const response = await attempt.request({ method: "GET", headers: { range: `bytes=${start}-` } });
  const total = expectedBytes(response, start);
  // An answer with the whole instead of the part is fine: its beginning is skipped.
  let at = response.status === 206 ? start : 0;
  for await (const chunk of response.body ?? []) {
    attempt.touch();
    const known = Math.min(Math.max(start - at, 0), chunk.length);
    at += chunk.length;
    if (at > total) throw new StagerError("input_refused", "the broker sent more than it announced");
    if (known < chunk.length) yield chunk.subarray(known);
  }
  if (at < total) throw new Interrupted("the connection ended early");
}

function expectedBytes(response: Response, start: number): number {
  if (response.status !== 206) {
    const length = response.headers.get("content-length");
    if (length === null) throw new Interrupted("the broker answered without a length");
    return Number(length);
  }
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (range === null || Number(range[1]) !== start) throw new Interrupted("the broker answered with another range");
  return Number(range[2]);
}

/**
 * Sends the `size_bytes` that `body` yields. Starts over when interrupted.
 *
 * @returns the broker's digest of the bytes
 * @throws StagerError when it fails for good; the error of `body` when reading it fails
 */
export async function upload(
  context: TransferContext,
  size_bytes: number,
  headers: Readonly<Record<string, string>>,
  body: () => AsyncIterable<Uint8Array>,
): Promise<string> {
  for (let wait_ms = wait_ms_min; ; wait_ms = Math.min(2 * wait_ms, wait_ms_max)) {
    const attempt = new Attempt(context);
    const sending = new Sending(body(), attempt);
    try {
      const response = await attempt.request({
        method: "PUT",
        headers: { ...headers, "content-type": "application/x-tar", "content-length": String(size_bytes) },
        body: sending.stream,
      });
      return await digestOf(response);
    } catch (error) {
      // When reading the volume failed, fetch throws an error of its own. The original says more.
      if (sending.failure !== null) throw sending.failure;
      await Attempt.pause(context, error, wait_ms);
    } finally {
      attempt.stop();
    }
  }
}

async function digestOf(response: Response): Promise<string> {
  const text = await response.text();
  const digest = /"digest":\s*"([0-9a-f]{64})"/.exec(text)?.[1];
  if (digest === undefined) throw new Interrupted("the broker answered without a digest");
  return digest;
}

/** A request body that is read while it is sent. It remembers why reading failed. */
class Sending {
  readonly stream: ReadableStream<Uint8Array>;
  failure: unknown = null;

  constructor(source: AsyncIterable<Uint8Array>, attempt: Attempt) {
    const chunks = source[Symbol.asyncIterator]();
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      try {
        const next = await chunks.next();
        attempt.touch();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      } catch (error) {
        this.failure = error;
        controller.error(error);
      }
    };
    const cancel = async () => {
      await chunks.return?.();
    };
    this.stream = new ReadableStream({ pull, cancel }, { highWaterMark: 1 });
  }
}
