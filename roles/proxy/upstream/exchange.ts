import { limits } from "#shared/schemas/limits.ts";
import type { Connections, UpstreamAddress } from "./connections.ts";
import { RunningExchange, type UpstreamAnswer } from "./running-exchange.ts";
import type { UpstreamRequest } from "./upstream-request.ts";

const repeatable = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Makes one request to an upstream, and resolves when the head of its answer is there. The client is our own: decision 0003.
 *
 * - A request that may be repeated uses an idle connection. It is made again when the other side had just closed that one.
 * - A request with a streamed body uses an idle connection only when that one was busy a moment ago.
 * - A request with a body in memory gets a connection of its own.
 *
 * @throws UpstreamError
 */
export async function exchange(
  connections: Connections,
  address: UpstreamAddress,
  request: UpstreamRequest,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const isRepeatable = request.body === null && repeatable.has(request.method);
  const { upstream_idle_ms_max, upstream_idle_once_ms_max } = limits.proxy;
  const isHeld = request.body !== null && "pieces" in request.body;
  const idle = isHeld
    ? null
    : connections.takeIdle(address, isRepeatable ? upstream_idle_ms_max : upstream_idle_once_ms_max);
  if (idle) {
    const run = new RunningExchange({ connections, address, socket: idle, request, signal });
    try {
      return await run.answer;
    } catch (error) {
      if (!isRepeatable || run.hasReceived || signal.aborted) throw error;
    }
  }
  const socket = await connections.open(address, signal);
  return await new RunningExchange({ connections, address, socket, request, signal }).answer;
}
