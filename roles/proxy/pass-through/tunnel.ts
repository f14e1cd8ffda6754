import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { headerOf, type RequestHead } from "../http/request-head.ts";
import type { Connections } from "../upstream/connections.ts";
import { headText } from "../upstream/exchange.ts";
import { type ResponseHead, ResponseReader } from "../upstream/response-reader.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { returnedHeaders } from "./forwarded-headers.ts";
import type { Forwarded } from "./pass-through.ts";

/** @throws ProblemError 400 for an upgrade that is not a WebSocket's */
export function checkUpgrade(head: RequestHead): void {
  const is_websocket = headerOf(head.headers, "upgrade")?.toLowerCase() === "websocket";
  if (head.method !== "GET" || !is_websocket || head.body_bytes !== 0) {
    throw new ProblemError(400, "unsupported_upgrade", "Only WebSocket upgrades are supported.");
  }
}

/**
 * Asks the challenge for the upgrade and, when it agrees, connects the two. Until it has agreed nothing that the client sends
 * reaches it, and when it does not, nothing ever will: else a client could speak HTTP to it past every rule. Gives the answer's status.
 *
 * @throws UpstreamError before anything was sent to the client
 */
export async function tunnel(
  connections: Connections,
  forwarded: Forwarded,
  client: Duplex,
  early: Buffer,
  signal: AbortSignal,
): Promise<number> {
  const upstream = await connections.open(forwarded.address, signal);
  const end = () => upstream.destroy();
  signal.addEventListener("abort", end, { once: true });
  upstream.on("error", end);
  const headers = [...forwarded.headers, ["Connection", "Upgrade"], ["Upgrade", "websocket"]] as const;
  upstream.write(headText({ ...forwarded, headers: headers as Forwarded["headers"] }), "latin1");
  const reader = new ResponseReader(forwarded.method);
  const answer = await readHead(upstream, reader);
  if (answer.head.status === 101) join(client, upstream, answer.head, early, reader.rest);
  else await answerInstead(client, upstream, reader, answer);
  return answer.head.status;
}

function join(client: Duplex, upstream: Socket, head: ResponseHead, early: Buffer, rest: Buffer): void {
  const upgrade = [
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
  ] as [string, string][];
  client.write(rawHead(head, [...returnedHeaders(head.headers), ...upgrade]), "latin1");
  if (rest.length > 0) client.write(rest);
  if (early.length > 0) upstream.write(early);
  client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
  upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
  client.pipe(upstream);
  upstream.pipe(client);
}

/** The challenge refused: its answer, at the client's pace, then the end of both connections. */
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
    // The head has gone out: a broken connection is all that is left to say.
    client.destroy(cause as Error);
  } finally {
    upstream.destroy();
  }
}

async function* bodyOf(upstream: Socket, reader: ResponseReader, first: Buffer[]): AsyncGenerator<Buffer> {
  yield* first;
  if (reader.is_done) return;
  for await (const chunk of upstream) {
    yield* reader.push(chunk as Buffer);
    if (reader.is_done) return;
  }
  if (!reader.end()) throw new UpstreamError("broken", "the connection ended too early");
}

interface AnswerBegun {
  readonly head: ResponseHead;
  /** What came of the body with the head. */
  readonly body: Buffer[];
}

function readHead(upstream: Socket, reader: ResponseReader): Promise<AnswerBegun> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error("no answer in time")), limits.proxy.upstream_head_ms_max);
    const settle = () => {
      clearTimeout(timer);
      upstream.off("data", onData).off("close", onClose).pause();
    };
    const fail = (cause: unknown) => {
      settle();
      upstream.destroy();
      reject(cause instanceof UpstreamError ? cause : new UpstreamError("broken", "no answer to the upgrade", cause));
    };
    const onClose = () => fail(new Error("the connection ended too early"));
    const onData = (chunk: Buffer) => {
      try {
        const body = reader.push(chunk);
        if (!reader.head) return;
        settle();
        resolve({ head: reader.head, body });
      } catch (cause) {
        fail(cause);
      }
    };
    upstream.on("data", onData).on("close", onClose);
  });
}

function rawHead({ status, reason }: ResponseHead, headers: readonly (readonly [string, string])[]): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${reason || STATUS_CODES[status]}\r\n${lines.join("")}\r\n`;
}
