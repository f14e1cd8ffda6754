import { afterEach, describe, expect, test } from "bun:test";
import { waitFor } from "../../../support/wait-for.ts";
import {
  type FakeChallenge,
  type ProxyUnderTest,
  rawRequest,
  startChallenge,
  startProxy,
  startTcp,
} from "../../../support/worlds/proxy-world.ts";

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

describe("a WebSocket", () => {
  test("passes both ways", async () => {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no", { status: 400 })),
      websocket: { message: (socket, message) => void socket.send(`echo ${message}`) },
    });
    const proxy = await startProxy({ upstream: `http://127.0.0.1:${server.port}` });
    running.push(proxy, { stop: () => server.stop(true) });
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/challenges/demo/live?x=1`);
    const echoes: string[] = [];
    socket.onmessage = ({ data }) => void echoes.push(String(data));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const long = "y".repeat(100_000);
    for (const message of ["one", long]) socket.send(message);
    await waitFor(() => echoes.length === 2);
    expect(echoes).toEqual(["echo one", `echo ${long}`]);
    socket.close();
  });

  const upgrade = (path: string, rest = "") =>
    `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: websocket\r\nX-Hotkey: h\r\nX-Platform-Proxy: no\r\nSec-WebSocket-Key: k\r\n\r\n${rest}`;

  test("that the challenge refuses opens no way past the rules", async () => {
    const requests: string[] = [];
    const upstream = await startTcp((socket) => {
      socket.on("data", (chunk) => {
        requests.push(chunk.toString());
        socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
      });
    });
    const proxy = await startProxy({ upstream: upstream.url });
    running.push(proxy, upstream);
    const secret = "GET /internal/v1/get_weights HTTP/1.1\r\nHost: h\r\n\r\n";
    const answer = await rawRequest(proxy.port, upgrade("/challenges/demo/live", secret));
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n[\s\S]*Connection: close\r\n\r\nno$/);
    expect(requests).toHaveLength(1);
    expect(requests[0]).not.toContain("get_weights");
    expect(requests[0]).not.toMatch(/x-hop|x-hotkey|X-Platform-Proxy: no/i);
    expect(requests[0]).toContain("X-Platform-Proxy: true\r\n");
  });

  test("is held to the same rules as any request", async () => {
    const { challenge, proxy } = await start();
    expect(await rawRequest(proxy.port, upgrade("/challenges/demo/%69nternal"))).toStartWith("HTTP/1.1 403 ");
    expect(await rawRequest(proxy.port, upgrade("/challenges/nobody/x"))).toStartWith("HTTP/1.1 404 ");
    expect(await rawRequest(proxy.port, upgrade("/v1/registry"))).toStartWith("HTTP/1.1 404 ");
    const other = upgrade("/challenges/demo/x").replace("Upgrade: websocket", "Upgrade: h2c");
    expect(await rawRequest(proxy.port, other)).toStartWith("HTTP/1.1 400 ");
    expect(challenge.received).toEqual([]);
  });

  test("to a challenge that is away is 502", async () => {
    const proxy = await startProxy();
    running.push(proxy);
    expect(await rawRequest(proxy.port, upgrade("/challenges/demo/x"))).toContain('"detail":"Challenge unavailable"');
  });
});
