import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { ByteBudget } from "../../../roles/proxy/bounds/byte-budget.ts";
import { ask, headOf } from "../../support/clients/door-clients.ts";
import { uploadRequest } from "../../support/clients/upload-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type FakeChallenge, rawRequest, startChallenge, startProxy } from "../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

/** A challenge that answers with the path, a moment later, and tells how many requests it had at once. */
async function slowChallenge(): Promise<FakeChallenge & { most: number }> {
  const challenge = Object.assign(await startChallenge(), { most: 0 });
  let now = 0;
  challenge.answer = async ({ url }, response) => {
    now += 1;
    challenge.most = Math.max(challenge.most, now);
    await Bun.sleep(url === "/first" ? 200 : 2);
    now -= 1;
    response.writeHead(200, { "content-length": url.length }).end(url);
  };
  running.push(challenge);
  return challenge;
}

const last = headOf("GET", "/challenges/demo/last", { Connection: "close" });
const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

describe("requests that a client sends without waiting", () => {
  test("are answered all, in order, and one at a time", async () => {
    const challenge = await slowChallenge();
    const proxy = await startProxy({ upstream: challenge.url });
    running.push(proxy);
    const paths = Array.from({ length: 40 }, (_, n) => `/n${n}`);
    const requests = paths.map((path) => headOf("GET", `/challenges/demo${path}`)).join("");
    const answer = await rawRequest(proxy.port, requests + last, { ms: 10_000 });
    expect([...answer.matchAll(/\r\n\r\n(\/\w+?)(?=HTTP|$)/g)].map(([, path]) => path)).toEqual([...paths, "/last"]);
    expect(challenge.most).toBe(1);
  });

  const upload = Object.fromEntries(uploadRequest().headers as [string, string][]);
  const chunked = { "Transfer-Encoding": "chunked" };
  const kinds = [
    ["an own page", headOf("GET", "/")],
    ["a refusal", headOf("GET", "/nothing")],
    ["a challenge's page", headOf("GET", "/challenges/demo/x")],
    ["a body of known length", `${headOf("POST", "/challenges/demo/x", { "Content-Length": 9 })}\r\n\r\n12345`],
    ["a chunked body", `${headOf("POST", "/challenges/demo/x", chunked)}4\r\n\r\n\r\n\r\n0\r\nX: 1\r\n\r\n`],
    ["an upload", `${headOf("POST", "/v1/challenges/demo/submissions", { ...upload, "Content-Length": 8 })}print(1)`],
    [
      "a chunked upload",
      `${headOf("POST", "/v1/challenges/demo/submissions", { ...upload, ...chunked })}8\r\nprint(1)\r\n0\r\n\r\n`,
    ],
    ["a refused upload", `${headOf("POST", "/v1/challenges/demo/submissions", { "Content-Length": 3 })}abc`],
  ] as const;

  test.each(kinds)("wait behind %s, however the bytes are cut", async (_, request) => {
    const challenge = await slowChallenge();
    const proxy = await startProxy({ upstream: challenge.url });
    running.push(proxy);
    const bytes = Buffer.from(request + last);
    for (const size of [bytes.length, 1, 7]) {
      let text = "";
      const socket = connect(proxy.port, "127.0.0.1");
      socket.setNoDelay(true).on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
      });
      for (let at = 0; at < bytes.length; at += size) {
        socket.write(bytes.subarray(at, at + size));
        // Else the pieces would be joined on their way.
        if (size > 1 || at % 8 === 0) await Bun.sleep(0);
      }
      await new Promise((resolve) => socket.on("close", resolve));
      expect(statuses(text)).toHaveLength(2);
      expect(text).toEndWith("/last");
    }
    expect(challenge.most).toBe(1);
  });

  test.each([
    ["in one write", ""],
    ["behind one that is in flight", headOf("GET", "/challenges/demo/first")],
  ])(
    "of which there are 50,000 %s keep one in flight and one piece in memory, and nobody else waiting",
    async (_, first) => {
      const challenge = await slowChallenge();
      const memory = new ByteBudget(10_000_000);
      const proxy = await startProxy({ upstream: challenge.url, memory });
      running.push(proxy);
      const flood = Buffer.from(headOf("GET", "/challenges/demo/x").repeat(50_000));
      const socket = connect({ port: proxy.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      running.push({ stop: () => socket.destroy() });
      socket.on("error", () => undefined).resume();
      if (first !== "") {
        socket.write(first);
        await waitFor(() => challenge.received.length > 0, { every_ms: 1 });
      }
      socket.write(flood);
      await waitFor(() => challenge.received.length > 20);
      const times: number[] = [];
      for (let n = 0; n < 20; n += 1) {
        const { status, ms } = await ask(proxy.port, [headOf("GET", "/")], { address: "127.0.0.9" });
        expect(status).toBe(200);
        times.push(ms);
        expect(memory.used_bytes).toBeLessThan(2 * 524_288);
      }
      expect(Math.max(...times)).toBeLessThan(500);
      expect(challenge.most).toBe(1);
      expect(challenge.received.length).toBeLessThan(5_000);
    },
  );

  test("beyond their client's share of memory end the connection after the answer in progress", async () => {
    const challenge = await slowChallenge();
    const memory = new ByteBudget(100_000, 50_000);
    const proxy = await startProxy({ upstream: challenge.url, memory });
    running.push(proxy);
    const answer = await rawRequest(proxy.port, headOf("GET", "/challenges/demo/x").repeat(50_000));
    expect(statuses(answer)).toEqual([200]);
    expect(answer).toEndWith("\r\n\r\n/x");
    expect(memory.used_bytes).toBe(0);
  });

  test("of which one is no HTTP are answered before it, and it is refused after them", async () => {
    const challenge = await slowChallenge();
    const proxy = await startProxy({ upstream: challenge.url });
    running.push(proxy);
    const answer = await rawRequest(proxy.port, `${headOf("GET", "/challenges/demo/x").repeat(2)}\0garbage\r\n\r\n`);
    expect(statuses(answer)).toEqual([200, 200, 400]);
  });

  test("behind a WebSocket's upgrade are its bytes, not requests", async () => {
    const challenge = await slowChallenge();
    const proxy = await startProxy({ upstream: challenge.url });
    running.push(proxy);
    const upgrade = headOf("GET", "/challenges/demo/live", { Connection: "Upgrade", Upgrade: "websocket" });
    expect(statuses(await rawRequest(proxy.port, upgrade + last))).toEqual([200]);
    expect(challenge.received.map(({ url }) => url)).toEqual(["/live"]);
  });
});
