import { afterEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { waitFor } from "../../support/wait-for.ts";
import {
  type FakeChallenge,
  type ProxyUnderTest,
  rawRequest,
  startChallenge,
  startProxy,
  startTcp,
} from "../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
async function start(): Promise<{ challenge: FakeChallenge; proxy: ProxyUnderTest }> {
  const challenge = await startChallenge();
  const proxy = await startProxy({ upstream: challenge.url });
  running.push(proxy, challenge);
  return { challenge, proxy };
}

describe("a stream of a challenge", () => {
  test("comes event by event, and ends for the challenge when the client goes", async () => {
    const { challenge, proxy } = await start();
    let stream: ServerResponse | undefined;
    let isClosed = false;
    challenge.answer = (_, response) => {
      stream = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      response.on("close", () => {
        isClosed = true;
      });
    };
    const client = new AbortController();
    const response = await fetch(`${proxy.url}/challenges/demo/events`, { signal: client.signal });
    const reader = response.body?.getReader();
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      stream?.write(event);
      expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe(event);
    }
    client.abort();
    await waitFor(() => isClosed, { what: "end of the stream at the challenge" });
  });

  test("is not held in memory for a client that does not read", async () => {
    const { challenge, proxy } = await start();
    const piece = Buffer.alloc(1 << 20);
    let written = 0;
    challenge.answer = (_, response) => {
      const more = () => {
        while (written < 200 && response.write(piece)) written += 1;
        if (written < 200) {
          written += 1;
          response.once("drain", more);
        } else response.end();
      };
      more();
    };
    const socket = connect(proxy.port, "127.0.0.1", () => {
      socket.write("GET /challenges/demo/big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    });
    socket.pause();
    await waitFor(() => written > 0);
    let before = -1;
    await waitFor(
      () => {
        const isStill = before === written;
        before = written;
        return isStill;
      },
      { every_ms: 300, what: "standstill of the challenge" },
    );
    expect(written).toBeLessThan(60);
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    socket.resume();
    await new Promise((resolve) => socket.on("close", resolve));
    expect(bytes).toBeGreaterThan(200 << 20);
  });
});

describe("a client's body", () => {
  test("of 30 MB passes whole", async () => {
    const { challenge, proxy } = await start();
    const body = Buffer.alloc(30_000_000);
    for (let at = 0; at < body.length; at += 1_000) body.writeUInt32LE(at, at);
    expect((await fetch(`${proxy.url}/challenges/demo/x`, { method: "POST", body })).status).toBe(200);
    const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    expect(sha256(challenge.received[0]?.body ?? Buffer.alloc(0))).toBe(sha256(body));
  });

  test("need not have ended when the challenge answers", async () => {
    const upstream = await startTcp((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"));
    });
    const proxy = await startProxy({ upstream: upstream.url });
    running.push(proxy, upstream);
    const head = "POST /challenges/demo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc";
    const answer = await rawRequest(proxy.port, head, { until: "\r\n\r\nno" });
    expect(answer).toStartWith("HTTP/1.1 403 Forbidden");
  });

  test("that breaks off ends the challenge's request too", async () => {
    let isEnded = false;
    const upstream = await startTcp((socket) => {
      socket.resume().on("close", () => {
        isEnded = true;
      });
    });
    const proxy = await startProxy({ upstream: upstream.url });
    running.push(proxy, upstream);
    const socket = connect(proxy.port, "127.0.0.1", () => {
      socket.write("POST /challenges/demo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
      setImmediate(() => socket.destroy());
    });
    await waitFor(() => isEnded, { what: "end of the challenge's connection" });
  });
});
