import { limits } from "../schemas/limits.ts";
import { isLeftUnread, requestPieces } from "./bounded-body.ts";
import { ProblemError } from "./problem.ts";

const { drain_bytes_max, drain_ms_max, drain_silence_ms_max } = limits.http;

/** For Bun's `maxRequestBodySize`. `bounded-body.ts` bounds bodies instead, because Bun's own 413 has no problem document. */
export const declared_bytes_max = 2 ** 31 - 1;

/**
 * Answers a client that may still be sending a refused body. The answer leaves at once, and the client may finish sending
 * within a bound. Many clients read the answer only after they sent everything, and would see a broken pipe instead. Then the
 * connection is closed.
 */
export async function answerSender(
  request: Request,
  response: Response,
  server: Pick<Bun.Server<unknown>, "requestIP" | "timeout">,
): Promise<Response> {
  if (response.status < 400 || !isLeftUnread(request)) return response;
  const isOnUnixSocket = server.requestIP(request) === null;
  const isLastRequest = /\bclose\b/i.test(request.headers.get("connection") ?? "");
  if (!isOnUnixSocket && !isLastRequest) {
    // Bun drops what still comes. That does not prolong this time, and the next request on the connection has its own.
    server.timeout(request, drain_ms_max / 1_000);
    return response;
  }
  // Bun would close such a connection with the last byte of the answer, and has no time limit on a unix socket.
  return await answerAndDrain(request, response);
}

async function answerAndDrain(request: Request, response: Response): Promise<Response> {
  const answer = await response.bytes();
  const stop = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(answer);
      await drain(request, stop.signal);
      if (!stop.signal.aborted) controller.close();
    },
    cancel: () => stop.abort(),
  });
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  return new Response(body, { status: response.status, headers });
}

/** Until the client has sent everything, has gone, or has used up its bound. */
async function drain(request: Request, signal: AbortSignal): Promise<void> {
  // A reader that stopped without cancelling still holds the body.
  if (request.body === null || request.body.locked) return;
  const bounds = { bytes_max: drain_bytes_max, ms_max: drain_ms_max, silence_ms_max: drain_silence_ms_max };
  try {
    for await (const _ of requestPieces(request, bounds)) if (signal.aborted) return;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}
