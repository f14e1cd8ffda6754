import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { minerOf } from "../../support/clients/upload-client.ts";
import {
  type FakeChallenge,
  type ProxyUnderTest,
  rawRequest,
  startChallenge,
  startProxy,
} from "../../support/worlds/proxy-world.ts";

let challenge: FakeChallenge;
let proxy: ProxyUnderTest;
beforeAll(async () => {
  challenge = await startChallenge();
  proxy = await startProxy({ upstream: challenge.url });
});
afterAll(async () => {
  await proxy.stop();
  challenge.stop();
});
beforeEach(() => {
  challenge.received.length = 0;
});

describe("a client that waits for 100 Continue", () => {
  const ask = (headers: string, options: { until?: string } = {}) =>
    rawRequest(
      proxy.port,
      `POST /v1/challenges/demo/submissions HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n${headers}\r\n`,
      options,
    );
  const signed = (timestamp: number) =>
    `X-Hotkey: ${minerOf("//Alice").address}\r\nX-Signature: ${"00".repeat(64)}\r\nX-Nonce: n\r\nX-Timestamp: ${timestamp}\r\n`;
  const now = Math.floor(Date.now() / 1_000);

  test("is refused without it when size, headers or time of its upload are wrong", async () => {
    const cases = [
      ["Content-Length: 8000000\r\n", 413, "Submission too large"],
      [`Content-Length: 8000000\r\n${signed(now)}`, 413, "Submission too large"],
      ["Content-Length: 3\r\n", 401, "missing x-hotkey"],
      ["Transfer-Encoding: chunked\r\n", 401, "missing x-hotkey"],
      [`Content-Length: 3\r\n${signed(now - 1_000)}`, 401, "stale signature"],
    ] as const;
    for (const [headers, status, detail] of cases) {
      const answer = await ask(headers);
      expect(answer).toStartWith(`HTTP/1.1 ${status} `);
      expect(answer).toContain(`"detail":"${detail}"`);
    }
  });

  test("gets it when they are right", async () => {
    const asked = await ask(`Content-Length: 3\r\n${signed(now)}`, { until: "100 Continue" });
    expect(asked).toStartWith("HTTP/1.1 100 Continue\r\n\r\n");
  });
});
