import { ProblemError } from "#shared/http/problem.ts";
import type { Connections } from "./upstream/connections.ts";
import { exchange } from "./upstream/exchange.ts";
import { RelayedResponse } from "./upstream/relayed-response.ts";

const passed = ["accept", "accept-encoding", "if-none-match", "if-modified-since"];

/**
 * Admin's answer to a public read. Admin serves these on a socket of their own (architecture §2).
 *
 * @throws ProblemError 503 when admin does not answer
 */
export async function publicRead(
  connections: Connections,
  socket: string,
  { method, url, headers, signal }: Request,
): Promise<Response> {
  const request = {
    method,
    target: url.slice(url.indexOf("/", "http://".length)),
    headers: [
      ["Host", "platform-admin"],
      ...passed.flatMap((name) => {
        const value = headers.get(name);
        return value === null ? [] : [[name, value] as const];
      }),
      ["X-Request-Id", headers.get("x-request-id") ?? ""],
    ] as const,
    body: null,
  };
  const answer = await exchange(connections, { unix: socket }, request, signal).catch((cause: unknown) => {
    // Without a cause nothing is logged: a client that has gone is no failure of admin's.
    const options = { headers: { "retry-after": "2" }, ...(signal.aborted ? {} : { cause }) };
    throw new ProblemError(503, "public_reads_unavailable", "Weights and registry are unavailable", options);
  });
  return new RelayedResponse(answer, method);
}
