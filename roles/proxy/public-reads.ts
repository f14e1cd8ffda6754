import { ProblemError } from "#shared/http/problem.ts";
import { relay } from "./http/answers.ts";
import type { Call } from "./http/call.ts";
import type { Connections } from "./upstream/connections.ts";
import { exchange } from "./upstream/exchange.ts";
import type { Headers } from "./upstream/response-reader.ts";

/** The reads that admin serves to everybody, on a socket of their own (architecture §2). */
export const publicReads: ReadonlySet<string> = new Set([
  "/v1/weights/latest",
  "/v1/registry",
  "/v1/challenges/dashboard.svg",
]);

const passed = new Set(["accept", "accept-encoding", "if-none-match", "if-modified-since"]);

/** Answers one of the public reads from admin's socket. */
export async function publicRead(connections: Connections, socket: string, call: Call): Promise<void> {
  const { method, path, query, request_id } = call.head;
  const headers: Headers = [
    ["Host", "platform-admin"],
    ...call.head.headers.filter(([name]) => passed.has(name.toLowerCase())),
    ["X-Request-Id", request_id],
  ];
  const request = { method, target: `${path}${query}`, headers, body: null };
  const answer = await exchange(connections, { unix: socket }, request, call.signal).catch((cause: unknown) => {
    const options = { cause, headers: { "retry-after": "2" } };
    throw new ProblemError(503, "public_reads_unavailable", "Weights and registry are unavailable", options);
  });
  await relay(answer, call);
}
