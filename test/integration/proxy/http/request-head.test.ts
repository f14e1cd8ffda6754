import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  type FakeChallenge,
  type ProxyUnderTest,
  rawRequest,
  startChallenge,
  startProxy,
} from "../../../support/worlds/proxy-world.ts";

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

const smuggled = "GET /challenges/demo/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const post = (headers: string, body = "") => `POST /challenges/demo/x HTTP/1.1\r\n${headers}\r\n${body}`;

describe("a request that two readers could understand differently", () => {
  test.each([
    ["both lengths", post("Host: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`)],
    [
      "a transfer encoding before chunked",
      post("Host: h\r\nTransfer-Encoding: gzip, chunked\r\n", `0\r\n\r\n${smuggled}`),
    ],
    ["an unknown transfer encoding", post("Host: h\r\nTransfer-Encoding: xchunked\r\n", `0\r\n\r\n${smuggled}`)],
    [
      "two transfer encodings",
      post("Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
    ],
    [
      "a chunked body in HTTP/1.0",
      `POST /challenges/demo/x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["two lengths", post("Host: h\r\nContent-Length: 0\r\nContent-Length: 0\r\n", smuggled)],
    ["a signed length", post("Host: h\r\nContent-Length: +0\r\n", smuggled)],
    ["two hosts", post("Host: h\r\nHost: i\r\n")],
    ["no host", post("X: 1\r\n")],
    ["a host that is none", post("Host: a b\r\n")],
    ["a folded header", post("Host: h\r\nX-A: 1\r\n\tContent-Length: 5\r\n")],
    ["a space before the colon", post("Host: h\r\nContent-Length : 5\r\n")],
    ["a bare line feed", "GET /challenges/demo/x HTTP/1.1\nHost: h\n\n"],
    ["a NUL", post("Host: h\r\nX-A: a\0b\r\n")],
    ["an absolute target", "GET http://evil.example/challenges/demo/x HTTP/1.1\r\nHost: h\r\n\r\n"],
    ["a fragment", "GET /challenges/demo/x#y HTTP/1.1\r\nHost: h\r\n\r\n"],
    ["two nonces", post("Host: h\r\nX-Nonce: 1\r\nX-Nonce: 2\r\n")],
    ["a chunk without a size", post("Host: h\r\nTransfer-Encoding: chunked\r\n", "zz\r\n\r\n")],
    ["a tunnel to elsewhere", "CONNECT evil.example:443 HTTP/1.1\r\nHost: h\r\n\r\n"],
  ])("because it has %s is refused, the connection closed, and nothing of it is a second request", async (_, bytes) => {
    const answer = await rawRequest(proxy.port, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 40[05] /);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer).toContain("application/problem+json");
    expect(challenge.received.filter(({ url }) => url === "/smuggled")).toEqual([]);
    // A body that turns out malformed may have been on its way already; it never arrives whole.
    expect(challenge.received).toEqual([]);
  });

  test("does not become two because its body looks like one", async () => {
    for (const target of [
      "/",
      "/v1/challenges/demo/submissions/1",
      "/challenges/demo/internal",
      "/challenges/demo/x",
    ]) {
      const head = `GET ${target} HTTP/1.1\r\nHost: h\r\nContent-Length: ${smuggled.length}\r\n\r\n`;
      const answer = await rawRequest(proxy.port, head + smuggled, { ms: 300 });
      expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    }
    expect(challenge.received.filter(({ url }) => url === "/smuggled")).toEqual([]);
  });

  test("does not take the next one's place: pipelined requests are answered each, in order", async () => {
    challenge.answer = ({ url }, response) => response.writeHead(200, { "content-length": url.length }).end(url);
    const two = `GET /challenges/demo/1 HTTP/1.1\r\nHost: h\r\n\r\nGET /challenges/demo/internal HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`;
    const answer = await rawRequest(proxy.port, two);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 403"]);
  });
});

test("a head of more than 32 KiB is 431", async () => {
  const answer = await rawRequest(proxy.port, `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(40_000)}\r\n\r\n`);
  expect(answer).toStartWith("HTTP/1.1 431 ");
  expect(answer).toContain('"code":"head_too_large"');
});

test("an HTTP/1.0 client is answered and the connection closed", async () => {
  challenge.answer = (_, response) => response.writeHead(200).end("old");
  const answer = await rawRequest(proxy.port, "GET /challenges/demo/x HTTP/1.0\r\n\r\n");
  expect(answer).toEndWith("\r\n\r\nold");
  expect(answer).not.toMatch(/transfer-encoding/i);
});
