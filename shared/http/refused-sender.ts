import { limits } from "../schemas/limits.ts";
import { isLeftUnread, requestPieces } from "./bounded-body.ts";
import { ProblemError } from "./problem.ts";

const { drain_bytes_max, drain_ms_max, drain_silence_ms_max } = limits.http;

/** For Bun's `maxRequestBodySize`: whoever reads a body bounds it (`bounded-body.ts`) and says so; Bun's own 413 is empty. */
export const declared_bytes_max = 2 ** 31 - 1;

/**
 * The answer to a client that may still be sending what it was refused for: it leaves at once, and the client may finish sending within
 * a bound, for many read no answer before they have sent everything, and see a broken pipe instead. Then the connection is closed.
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
    // Bun drops what still comes; the time is not prolonged by it, and a next request on the connection has its own.
    server.timeout(request, drain_ms_max / 1_000);
    return response;
  }
  // Bun would close such a connection with the last byte of the answer, and knows no time limit on a unix socket.
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
  // Whoever gave the body up without an end still holds it.
  if (request.body === null || request.body.locked) return;
  const bounds = { bytes_max: drain_bytes_max, ms_max: drain_ms_max, silence_ms_max: drain_silence_ms_max };
  try {
    for await (const _ of requestPieces(request, bounds)) if (signal.aborted) return;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
  }
}
