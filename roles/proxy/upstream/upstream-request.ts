import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Headers } from "./response-reader.ts";

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, sent as they are. */
  readonly target: string;
  /** Without those that frame the body. */
  readonly headers: Headers;
  readonly body: null | HeldBytesBody | StreamedBody;
}

/** A body that is in memory. */
export interface HeldBytesBody {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  /** The last piece went out: the pieces are not looked at again. */
  readonly onSent: () => void;
}

/** A body that is still coming. */
export interface StreamedBody {
  readonly stream: Readable;
  /** Null when it is not known beforehand. */
  readonly bytes: number | null;
}

/** What `sendRequest` asks and tells of the exchange. */
export interface Sender {
  /** The answer has ended, or failed: nothing more is sent. */
  readonly isOver: boolean;
  onSent(): void;
  /** The body broke off. */
  onBroken(cause: unknown): void;
}

const crlf = Buffer.from("\r\n");

/** The head of a request as it goes over the wire. */
export function headText({ method, target, headers }: Pick<UpstreamRequest, "method" | "target" | "headers">): string {
  return `${method} ${target} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** Writes a request to an upstream. The body goes at the upstream's pace: what it does not take stays where it is. */
export function sendRequest(socket: Socket, request: UpstreamRequest, sender: Sender): void {
  const { body } = request;
  socket.write(headText({ ...request, headers: [...request.headers, ...framing(request)] }), "latin1");
  if (body === null) sender.onSent();
  else if ("pieces" in body) sendPieces(socket, body, sender);
  else sendStream(socket, body, sender);
}

function sendPieces(socket: Socket, { pieces, onSent }: HeldBytesBody, sender: Sender): void {
  let next = 0;
  const more = () => {
    while (next < pieces.length && !sender.isOver) {
      const piece = pieces[next++];
      if (piece && !socket.write(piece)) return void socket.once("drain", more);
    }
    if (sender.isOver) return;
    sender.onSent();
    onSent();
  };
  more();
}

function sendStream(socket: Socket, { stream, bytes }: StreamedBody, sender: Sender): void {
  const isChunked = bytes === null;
  socket.on("drain", () => stream.resume());
  stream.on("data", (chunk: Buffer) => {
    // The answer came first. The rest of the body is read and dropped: a client that writes on could not see the answer.
    if (sender.isOver || socket.destroyed) return;
    if (isChunked) socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    const isTaken = socket.write(isChunked ? Buffer.concat([chunk, crlf]) : chunk);
    if (!isTaken) stream.pause();
  });
  stream.once("end", () => {
    if (sender.isOver || socket.destroyed) return;
    if (isChunked) socket.write("0\r\n\r\n", "latin1");
    sender.onSent();
  });
  stream.once("error", (cause) => sender.onBroken(cause));
  socket.once("close", () => stream.resume());
}

function framing({ method, body }: UpstreamRequest): Headers {
  if (body !== null) {
    return body.bytes === null ? [["transfer-encoding", "chunked"]] : [["content-length", String(body.bytes)]];
  }
  return method === "GET" || method === "HEAD" || method === "OPTIONS" ? [] : [["content-length", "0"]];
}
