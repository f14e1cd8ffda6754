import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { headOf } from "../../support/clients/door-clients.ts";
import { type ProxyUnderTest, rawRequest, startProxy } from "../../support/worlds/proxy-world.ts";

const reads = ["/v1/weights/latest", "/v1/registry", "/v1/challenges/dashboard.svg"];
const vector = gzipSync(JSON.stringify({ netuid: 7 }));

/** What admin was asked: method, target, and the headers by name. */
interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, unknown>>;
}
let asked: Asked[];
let admin: Server;
let proxy: ProxyUnderTest;

beforeEach(async () => {
  asked = [];
  const publicSocket = join(mkdtempSync(join(tmpdir(), "platform-proxy-")), "public.sock");
  admin = createServer(({ method = "", url: target = "", headers }, response) => {
    asked.push({ method, target, headers });
    const common = { etag: '"e"', "cache-control": "no-cache", "x-request-id": headers["x-request-id"] };
    if (headers["if-none-match"] === '"e"') return void response.writeHead(304, common).end();
    if (target === "/v1/registry?broken") {
      response.writeHead(200, { "content-length": 100 }).write("half");
      return void setImmediate(() => response.destroy());
    }
    const type = { "content-type": "application/json", "content-encoding": "gzip", "content-length": vector.length };
    response.writeHead(200, { ...common, ...type }).end(vector);
  });
  await new Promise<void>((resolve) => admin.listen(publicSocket, resolve));
  proxy = await startProxy({ publicSocket });
});
afterEach(async () => {
  await proxy.stop();
  admin.close();
  admin.closeAllConnections();
});

test("the root names the program, its version and its paths", async () => {
  const response = await fetch(proxy.url);
  expect(response.headers.get("content-type")).toStartWith("application/json");
  expect(response.headers.get("x-request-id")).toBeTruthy();
  expect(await response.json()).toEqual({
    name: "platform",
    version: expect.any(String),
    paths: [
      "/challenges/{slug}/…",
      "/v1/challenges/{slug}/submissions",
      "/v1/challenges/{slug}/submissions/{id}",
      ...reads,
    ],
  });
});

describe("a public read", () => {
  test.each(reads)("of %s is admin's answer, byte for byte, with its headers", async (path) => {
    const response = await fetch(proxy.url + path, { headers: { "x-request-id": "r-1" }, decompress: false });
    const headers = ["etag", "cache-control", "content-type", "content-encoding", "content-length", "x-request-id"];
    expect(headers.map((name) => response.headers.get(name))).toEqual([
      '"e"',
      "no-cache",
      "application/json",
      "gzip",
      String(vector.length),
      "r-1",
    ]);
    expect(vector.equals(await response.bytes())).toBe(true);
    expect(asked).toMatchObject([{ method: "GET", target: path, headers: { "x-request-id": "r-1" } }]);
  });

  test("asks admin with the query, and with no header that admin does not need", async () => {
    await fetch(`${proxy.url}/v1/registry?a=%2F`, { headers: { authorization: "Bearer x", cookie: "a=b" } });
    expect(asked[0]?.target).toBe("/v1/registry?a=%2F");
    expect(Object.keys(asked[0]?.headers ?? {})).not.toContain("authorization");
    expect(Object.keys(asked[0]?.headers ?? {})).not.toContain("cookie");
  });

  test("of what the client has already is 304 with its ETag and no body", async () => {
    const request = headOf("GET", "/v1/weights/latest", { "If-None-Match": '"e"', Connection: "close" });
    const answer = await rawRequest(proxy.port, request);
    expect(answer).toStartWith("HTTP/1.1 304 ");
    expect(answer).toMatch(/\r\netag: "e"\r\n/i);
    expect(answer).toEndWith("\r\n\r\n");
  });

  test("by HEAD is asked by HEAD, and has the length without the body", async () => {
    const answer = await rawRequest(proxy.port, headOf("HEAD", "/v1/registry", { Connection: "close" }));
    expect(answer).toMatch(new RegExp(`\r\ncontent-length: ${vector.length}\r\n`, "i"));
    expect(answer).toEndWith("\r\n\r\n");
    expect(asked).toMatchObject([{ method: "HEAD" }]);
  });

  test("that admin does not answer is 503 with Retry-After", async () => {
    admin.close();
    admin.closeAllConnections();
    const response = await fetch(`${proxy.url}/v1/registry`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.json()).toMatchObject({ code: "public_reads_unavailable" });
  });

  test("that breaks off leaves a broken connection, never a short answer", async () => {
    const answer = fetch(`${proxy.url}/v1/registry?broken`).then((response) => response.text());
    await expect(answer).rejects.toThrow();
  });
});

test.each([
  "/v1/registry/",
  "/v1/./registry",
  "/x/../v1/registry",
  "//v1/registry",
  "/v1%2fregistry",
  "/v1/challenges",
])("%s, which is no own path as it is written, is 404 and does not reach admin", async (path) => {
  const answer = await rawRequest(proxy.port, headOf("GET", path, { Connection: "close" }));
  expect(answer).toMatch(/^HTTP\/1\.1 404 [\s\S]*"code":"not_found"/);
  expect(asked).toEqual([]);
});

test.each(["POST", "TRACE", "PURGE"])(
  "%s on an own path is 405 with what is allowed, and does not reach admin",
  async (method) => {
    for (const path of ["/", ...reads]) {
      const answer = await rawRequest(proxy.port, headOf(method, path, { Connection: "close" }));
      expect(answer).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\nallow: GET, HEAD\r\n/i);
    }
    expect(asked).toEqual([]);
  },
);
