import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { readCertificate } from "../../../roles/proxy/http/certificate.ts";
import type { TlsPair } from "../../../roles/proxy/http/door.ts";
import { ResponseReader } from "../../../roles/proxy/upstream/response-reader.ts";
import { Catch, chunkOf, Flood } from "../../support/clients/flood.ts";
import { uploadRequest } from "../../support/clients/upload-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startProxy, startTcp } from "../../support/worlds/proxy-world.ts";

const flood_bytes = 96 * 1_048_576;
/** What the kernel's buffers of two connections may take, and what the proxy may hold at most. */
const taken_bytes_max = 48 * 1_048_576;
const held_bytes_max = 40 * 1_048_576;

let tls: TlsPair;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "platform-tls-"));
  const [certificate, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const command = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=door -keyout ${key} -out ${certificate}`;
  expect(Bun.spawnSync(command.split(" ")).exitCode).toBe(0);
  tls = await readCertificate(certificate, key);
});

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
const upgrade = get("/challenges/demo/live", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n");
const upload = () => {
  const { headers, body } = uploadRequest({ body: Buffer.from("print(1)") });
  const lines = [...new Headers(headers)].map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /v1/challenges/demo/submissions HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n${lines.join("")}\r\n${body}`;
};

interface Answered {
  readonly request: () => string;
  readonly head: string;
  readonly isChunked?: boolean;
  readonly isTls?: boolean;
  readonly isPublicRead?: boolean;
  /** The answer's first bytes come long before the miner's submission is recorded. */
  readonly isRecordedLate?: boolean;
}
const length = `HTTP/1.1 200 OK\r\nContent-Length: ${flood_bytes}\r\n\r\n`;
const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const untilClose = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const answers: Record<string, Answered> = {
  "an answer with its length": { request: () => get("/challenges/demo/x"), head: length },
  "an answer in chunks": { request: () => get("/challenges/demo/x"), head: chunked, isChunked: true },
  "an answer over TLS": { request: () => get("/challenges/demo/x"), head: length, isTls: true },
  "a stream of events": {
    request: () => get("/challenges/demo/events", "Accept: text/event-stream\r\n"),
    head: untilClose.replace("\r\n\r\n", "\r\nContent-Type: text/event-stream\r\n\r\n"),
  },
  "the answer to an upload": { request: upload, head: length },
  "the answer to an upload that is being recorded": { request: upload, head: length, isRecordedLate: true },
  "a submission": { request: () => get("/v1/challenges/demo/submissions/7"), head: length },
  "a public read": { request: () => get("/v1/registry"), head: length, isPublicRead: true },
  "a refused upgrade's answer with its length": {
    request: () => upgrade,
    head: length.replace("200 OK", "403 Forbidden"),
  },
  "a refused upgrade's answer in chunks": { request: () => upgrade, head: chunked, isChunked: true },
  "a refused upgrade's answer until the end": { request: () => upgrade, head: untilClose },
  "a refused upgrade's answer over TLS": { request: () => upgrade, head: length, isTls: true },
  "a tunnel": { request: () => upgrade, head: switching },
  "a tunnel over TLS": { request: () => upgrade, head: switching, isTls: true },
};

describe("a client that stops reading stops the sender, and gets every byte when it reads on:", () => {
  test.each(Object.entries(answers))(
    "%s",
    async (_, answered) => {
      const flood = new Flood(flood_bytes);
      const recorded = Promise.withResolvers<void>();
      const answer = (socket: Socket) =>
        socket.once("data", () => {
          socket.write(answered.head);
          const end = () => void socket.end(answered.isChunked ? "0\r\n\r\n" : "");
          flood.pour(socket, end, answered.isChunked ? chunkOf : undefined);
        });
      const upstream = await startTcp(answer);
      const socketPath = join(mkdtempSync(join(tmpdir(), "platform-proxy-")), "public.sock");
      const admin = createServer(answer).listen(socketPath);
      const seen = {
        add: () => (answered.isRecordedLate ? recorded.promise : Promise.resolve()),
        prune: async () => undefined,
      };
      const proxy = await startProxy(
        { upstream: upstream.url, publicSocket: socketPath, seen },
        answered.isTls ? { tls } : {},
      );
      running.push(proxy, upstream, { stop: () => admin.close() });

      const before = process.memoryUsage().rss;
      const client = open(proxy.port, answered.isTls === true, answered.request());
      client.pause();
      expect(await flood.standstill()).toBeLessThan(taken_bytes_max);
      expect(process.memoryUsage().rss - before).toBeLessThan(held_bytes_max);

      recorded.resolve();
      const caught = new Catch();
      const reader = new ResponseReader("GET");
      client.on("data", (chunk: Buffer) => {
        if (reader.head?.status === 101) return caught.add(chunk);
        for (const piece of reader.push(chunk)) caught.add(piece);
        if (reader.head?.status === 101) caught.add(reader.rest);
      });
      client.resume();
      await waitFor(() => caught.bytes >= flood_bytes, { deadline_ms: 30_000, what: "every byte" });
      expect(caught.digest).toBe(flood.digest);
      client.destroy();
    },
    60_000,
  );
});

interface Sent {
  readonly head: string;
  readonly isChunked?: boolean;
  readonly isTls?: boolean;
}
const post = (framing: string) => `POST /challenges/demo/x HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`;
const bodies: Record<string, Sent> = {
  "a body with its length": { head: post(`Content-Length: ${flood_bytes}`) },
  "a body in chunks": { head: post("Transfer-Encoding: chunked"), isChunked: true },
  "a body over TLS": { head: post(`Content-Length: ${flood_bytes}`), isTls: true },
  "a tunnel": { head: upgrade },
  "a tunnel over TLS": { head: upgrade, isTls: true },
};

describe("a challenge that stops reading stops the sender, and gets every byte when it reads on:", () => {
  test.each(Object.entries(bodies))(
    "%s",
    async (_, sent) => {
      const isTunnel = sent.head === upgrade;
      const arrived = Promise.withResolvers<Socket>();
      const upstream = await startTcp((socket) => {
        socket.once("data", (first) => {
          socket.pause();
          socket.unshift(first);
          if (isTunnel) socket.write(switching);
          arrived.resolve(socket);
        });
      });
      const proxy = await startProxy({ upstream: upstream.url }, sent.isTls ? { tls } : {});
      running.push(proxy, upstream);

      const before = process.memoryUsage().rss;
      const flood = new Flood(flood_bytes);
      const client = open(proxy.port, sent.isTls === true, sent.head);
      const begin = () =>
        flood.pour(client, () => client.write(sent.isChunked ? "0\r\n\r\n" : ""), sent.isChunked ? chunkOf : undefined);
      client.once(isTunnel ? "data" : sent.isTls ? "secureConnect" : "connect", begin);
      const socket = await arrived.promise;
      expect(await flood.standstill()).toBeLessThan(taken_bytes_max);
      expect(process.memoryUsage().rss - before).toBeLessThan(held_bytes_max);

      const caught = new Catch();
      let head: Buffer | null = Buffer.alloc(0);
      // An answer's reader reads a request's body as well: both are framed alike.
      const reader = new ResponseReader("GET");
      reader.push(Buffer.from(sent.isChunked ? chunked : untilClose));
      socket.on("data", (chunk: Buffer) => {
        let rest = chunk;
        if (head !== null) {
          head = Buffer.concat([head, chunk]);
          const end = head.indexOf("\r\n\r\n");
          if (end < 0) return;
          rest = head.subarray(end + 4);
          head = null;
        }
        for (const piece of reader.push(rest)) caught.add(piece);
      });
      socket.resume();
      await waitFor(() => caught.bytes >= flood_bytes, { deadline_ms: 30_000, what: "every byte" });
      expect(caught.digest).toBe(flood.digest);
      client.destroy();
    },
    60_000,
  );
});

function open(port: number, isTls: boolean, request: string): Socket {
  const host = "127.0.0.1";
  const socket: Socket = isTls
    ? connectTls({ port, host, rejectUnauthorized: false }, () => socket.write(request))
    : connectTcp(port, host, () => socket.write(request));
  return socket.on("error", () => undefined);
}
