import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import { headerOf, type RequestHead } from "../http/request-head.ts";
import type { Connections } from "../upstream/connections.ts";
import { type Headers, type ResponseHead, ResponseReader } from "../upstream/response-reader.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { headText } from "../upstream/upstream-request.ts";
import { returnedHeaders } from "./forwarded-headers.ts";
import type { Forwarded } from "./pass-through.ts";

const upgrade: Headers = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
];

/**
 * Refuses what is not a WebSocket's upgrade.
 *
 * @throws ProblemError 400
 */
export function checkUpgrade(head: RequestHead): void {
  const isWebSocket = headerOf(head.headers, "upgrade")?.toLowerCase() === "websocket";
  if (head.method !== "GET" || !isWebSocket || head.body_bytes !== 0) {
    throw new ProblemError(400, "unsupported_upgrade", "Only WebSocket upgrades are supported.");
  }
}

/** A client that has asked for an upgrade. */
export interface TunnelClient {
  readonly socket: Duplex;
  /** What it has sent behind its request. */
  readonly early: Buffer;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/**
 * Asks the challenge for the upgrade, and connects the two when it agrees. What the client sends reaches the challenge only after it
 * has agreed: else a client could speak HTTP to it past every rule.
 *
 * @returns the status of the challenge's answer
 * @throws UpstreamError before anything was sent to the client
 */
export async function tunnel(
  connections: Connections,
  forwarded: Forwarded,
  { socket: client, early, signal }: TunnelClient,
): Promise<number> {
  const upstream = await connections.open(forwarded.address, signal);
  const end = () => upstream.destroy();
  signal.addEventListener("abort", end, { once: true });
  upstream.on("error", end);
  upstream.write(headText({ ...forwarded, headers: [...forwarded.headers, ...upgrade] }), "latin1");
  const reader = new ResponseReader(forwarded.method);
  const answer = await readHead(upstream, reader, connections.clock);
  if (answer.head.status === 101) join({ client, early }, { upstream, rest: reader.rest }, answer.head);
  else await answerInstead(client, upstream, reader, answer);
  return answer.head.status;
}

function join(
  { client, early }: { readonly client: Duplex; readonly early: Buffer },
  { upstream, rest }: { readonly upstream: Socket; readonly rest: Buffer },
  head: ResponseHead,
): void {
  client.write(rawHead(head, [...returnedHeaders(head.headers), ...upgrade]), "latin1");
  if (rest.length > 0) client.write(rest);
  if (early.length > 0) upstream.write(early);
  client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
  upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}

/** The challenge refused the upgrade. Its answer goes to the client, at the client's pace; then both connections end. */
async function answerInstead(
  client: Duplex,
  upstream: Socket,
  reader: ResponseReader,
  { head, body }: AnswerBegun,
): Promise<void> {
  client.write(rawHead(head, [...returnedHeaders(head.headers), ["Connection", "close"]]), "latin1");
  try {
    await pipeline(bodyOf(upstream, reader, body), client);
  } catch (cause) {
    // The head has gone out: only a broken connection can still tell the client.
    client.destroy(cause as Error);
  } finally {
    upstream.destroy();
  }
}

async function* bodyOf(upstream: Socket, reader: ResponseReader, first: Buffer[]): AsyncGenerator<Buffer> {
  yield* first;
  if (reader.isDone) return;
  for await (const chunk of upstream) {
    yield* reader.push(chunk as Buffer);
    if (reader.isDone) return;
  }
  if (!reader.end()) throw new UpstreamError("broken", "the connection ended too early");
}

interface AnswerBegun {
  readonly head: ResponseHead;
  /** The pieces of the body that came with the head. */
  readonly body: Buffer[];
}

async function readHead(upstream: Socket, reader: ResponseReader, clock: Clock): Promise<AnswerBegun> {
  try {
    const { upstream_head_ms_max } = limits.proxy;
    return await withDeadline(clock, upstream_head_ms_max, (late) => headOf(upstream, reader, late));
  } catch (cause) {
    upstream.destroy();
    throw cause instanceof UpstreamError ? cause : new UpstreamError("broken", "no answer to the upgrade", cause);
  }
}

function headOf(upstream: Socket, reader: ResponseReader, late: AbortSignal): Promise<AnswerBegun> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      upstream.off("data", onData).off("close", onClose).pause();
      late.removeEventListener("abort", onLate);
      act();
    };
    const onClose = () => settle(() => reject(new Error("the connection ended too early")));
    const onLate = () => settle(() => reject(late.reason));
    const onData = (chunk: Buffer) => {
      try {
        const body = reader.push(chunk);
        const { head } = reader;
        if (head) settle(() => resolve({ head, body }));
      } catch (cause) {
        settle(() => reject(cause));
      }
    };
    upstream.on("data", onData).on("close", onClose);
    late.addEventListener("abort", onLate, { once: true });
  });
}

function rawHead({ status, reason }: ResponseHead, headers: readonly (readonly [string, string])[]): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason || STATUS_CODES[status]}\r\n${lines.join("")}\r\n`;
}
