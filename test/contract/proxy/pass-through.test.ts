import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { TrustedProxies } from "../../../roles/proxy/http/client-address.ts";
import {
  challengeOf,
  type FakeChallenge,
  type ProxyUnderTest,
  rawRequest,
  startChallenge,
  startProxy,
  startTcp,
} from "../../support/worlds/proxy-world.ts";

let challenge: FakeChallenge;
let proxy: ProxyUnderTest;
beforeAll(async () => {
  challenge = await startChallenge();
  const record = challengeOf({
    signed_routes: [{ methods: ["POST"], path: "/submissions/{id}/launch" }],
    path_aliases: [
      { from: "/leaderboard", to: "/v1/leaderboard" },
      { from: "/open/{id}", to: "/{id}" },
    ],
  });
  const resting = challengeOf({ slug: "off" as never, name: "Off" }, { status: "inactive" });
  proxy = await startProxy({
    challenges: [record, resting],
    upstream: challenge.url,
    trusted: new TrustedProxies(["127.0.0.0/8"]),
  });
});
afterAll(async () => {
  await proxy.stop();
  challenge.stop();
});
const plainAnswer: FakeChallenge["answer"] = (_, response) => response.writeHead(200).end("ok");
beforeEach(() => {
  challenge.received.length = 0;
  challenge.answer = plainAnswer;
});
/** A request whose target no client library touches. */
const raw = (target: string, headers: readonly string[] = [], rest = "") =>
  rawRequest(
    proxy.port,
    `GET ${target} HTTP/1.1\r\nHost: h\r\n${headers.map((h) => `${h}\r\n`).join("")}Connection: close\r\n\r\n${rest}`,
  );

describe("a request to a challenge", () => {
  test("arrives with method, path, query and body as they were sent", async () => {
    const body = Buffer.alloc(300_000, "x");
    const target = "/challenges/my%20DEMO/a//b/%41%2f%zz/c'|\"?q=%20'&r=http://x/../y";
    const head = `PUT ${target} HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    expect(await rawRequest(proxy.port, Buffer.concat([Buffer.from(head), body]))).toStartWith("HTTP/1.1 200 ");
    const [received] = challenge.received;
    expect([received?.method, received?.url]).toEqual(["PUT", target.replace("/challenges/my%20DEMO", "")]);
    expect(received?.body.equals(body)).toBe(true);
  });

  test("may have a chunked body, and asks for the root when there is no path", async () => {
    const pieces = new ReadableStream({
      async start(controller) {
        for (const piece of ["one ", "two ", "three"]) controller.enqueue(Buffer.from(piece));
        controller.close();
      },
    });
    await fetch(`${proxy.url}/challenges/demo`, { method: "POST", body: pieces });
    expect(challenge.received[0]).toMatchObject({ method: "POST", url: "/" });
    expect(challenge.received[0]?.body.toString()).toBe("one two three");
  });

  test("loses what only the platform may say, and on no route but signed ones keeps the miner's headers", async () => {
    const headers = {
      "X-Hotkey": "h",
      "x-signature": "s",
      "X-Nonce": "n",
      "X-Timestamp": "1",
      X_Platform_Verified_Uid: "1",
    };
    await fetch(`${proxy.url}/challenges/demo/submissions/7/launch`, { method: "GET", headers });
    await fetch(`${proxy.url}/challenges/demo/submissions/7/launch`, { method: "POST", headers });
    const names = challenge.received.map((request) => request.headers.map(([name]) => name));
    expect(names[0]?.filter((name) => /hotkey|signature|nonce|timestamp|uid/i.test(name))).toEqual([]);
    expect(names[1]?.filter((name) => /hotkey|signature|nonce|timestamp|uid/i.test(name)).sort()).toEqual(
      ["X-Hotkey", "X-Nonce", "X-Timestamp", "x-signature"].sort(),
    );
  });

  test("is told its client by a trusted proxy", async () => {
    await raw("/challenges/demo/x", [
      "X-Forwarded-For: 203.0.113.9",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: platform.example",
    ]);
    const headers = Object.fromEntries(challenge.received[0]?.headers ?? []);
    expect(headers).toMatchObject({
      "X-Forwarded-For": "203.0.113.9, 127.0.0.1",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "platform.example",
      "X-Platform-Challenge-Slug": "demo",
      "X-Platform-Proxy": "true",
    });
    expect(headers["Accept-Encoding"]).toBeUndefined();
  });

  test("uses the record's aliases, and they open no blocked path", async () => {
    await raw("/challenges/demo/leaderboard?top=3");
    expect(challenge.received[0]?.url).toBe("/v1/leaderboard?top=3");
    expect(await raw("/challenges/demo/open/internal")).toContain("Proxy path is not allowed");
    expect(await raw("/challenges/demo/open/%68ealth")).toContain("Proxy path is not allowed");
    expect(challenge.received).toHaveLength(1);
  });

  test("to a blocked path is refused before the registry is asked", async () => {
    for (const path of ["/internal/v1/get_weights", "/%2f%69nternal", "\\health", "//version", "//HEALTH"]) {
      for (const slug of ["demo", "nobody"]) {
        const answer = await raw(`/challenges/${slug}${path.startsWith("\\") ? `/${path}` : path}`);
        expect(answer).toStartWith("HTTP/1.1 403 ");
        expect(answer).toContain('"detail":"Proxy path is not allowed","code":"path_not_allowed"');
      }
    }
    expect(challenge.received).toHaveLength(0);
  });

  describe("with a dot segment is refused with 400 before the registry is asked", () => {
    test.each([
      "/health//..",
      "/health/;/..",
      "/version/%3b/%2e%2e",
      "/x/../internal/v1/bridge/submissions//..//..//..//..",
      "/x/..%2f%69nternal",
      "/v1/../HEALTH",
      "/internal/../x",
      "/..",
      "/./x",
      "/x/.",
      "/x/..;a=1/health",
      "/x\\..\\health",
      "/x/%252e%252E%255chealth",
      "/x/.%09./health",
      "/x/..%00/health",
      "/x/..%3fy",
    ])("%s", async (path) => {
      for (const slug of ["demo", "nobody"]) {
        const answer = await raw(`/challenges/${slug}${path}`);
        expect(answer).toStartWith("HTTP/1.1 400 ");
        expect(answer).toContain('"code":"dotted_path"');
      }
      expect(challenge.received).toHaveLength(0);
    });
  });

  test("is 404 when the challenge is unknown or not active", async () => {
    for (const name of ["nobody", "off", "%zz", "%00", ".."]) {
      const answer = await raw(`/challenges/${name}/x`);
      expect(answer).toStartWith("HTTP/1.1 404 ");
      expect(answer).toContain('"detail":"Challenge not found"');
    }
  });
});

describe("a challenge's answer", () => {
  test("comes back as it is: status, headers, compressed body; redirects are not followed", async () => {
    const body = gzipSync("compressed");
    challenge.answer = (_, response) => {
      const cookies = ["Set-Cookie", "a=1", "Set-Cookie", "b=2"];
      response.writeHead(307, [
        "Location",
        "/elsewhere",
        "Content-Encoding",
        "gzip",
        "Content-Length",
        `${body.length}`,
        ...cookies,
      ]);
      response.end(body);
    };
    const response = await fetch(`${proxy.url}/challenges/demo/x`, { redirect: "manual", decompress: false });
    expect([response.status, response.headers.get("location")]).toEqual([307, "/elsewhere"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  });

  test("to HEAD has its length and no body", async () => {
    challenge.answer = (_, response) => response.writeHead(200, { "content-length": "12345" }).end();
    const response = await fetch(`${proxy.url}/challenges/demo/x`, { method: "HEAD" });
    expect([response.headers.get("content-length"), await response.text()]).toEqual(["12345", ""]);
  });

  test("keeps bytes of headers that are not ASCII", async () => {
    const upstream = await startTcp((socket) => {
      socket.once("data", () =>
        socket.end(Buffer.from("HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 0\r\n\r\n", "latin1")),
      );
    });
    const other = await startProxy({ upstream: upstream.url });
    expect(
      await rawRequest(other.port, "GET /challenges/demo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    ).toContain("X-Name: caf\xe9\r\n");
    await other.stop();
    upstream.stop();
  });
});

describe("a challenge that cannot answer", () => {
  test.each([
    ["refuses the connection", null],
    ["closes without a word", ""],
    ["speaks no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"],
    ["breaks off in its head", "HTTP/1.1 200 OK\r\nX-Secret: 10.0."],
  ])("because it %s is 502, and says nothing of where it is", async (_, words) => {
    const upstream = await startTcp((socket) => socket.once("data", () => socket.end(words ?? "")));
    if (words === null) upstream.stop();
    const other = await startProxy({ upstream: upstream.url });
    const response = await fetch(`${other.url}/challenges/demo/x?secret=query`);
    const text = await response.text();
    expect([response.status, JSON.parse(text).detail, JSON.parse(text).code]).toEqual([
      502,
      "Challenge unavailable",
      "challenge_unavailable",
    ]);
    expect(text).not.toMatch(/127\.0\.0\.1|secret|10\.0/i);
    await other.stop();
    upstream.stop();
  });

  test("because its name has no address yet is attaching: 503, to be tried again", async () => {
    const other = await startProxy({ upstream: "http://challenge-demo.invalid:8000" });
    const response = await fetch(`${other.url}/challenges/demo/x`);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.json()).toMatchObject({ code: "attaching", detail: "Challenge is attaching" });
    await other.stop();
  });

  test("because it breaks off in its body leaves a broken connection, never a short answer", async () => {
    for (const body of ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]) {
      const upstream = await startTcp((socket) => socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\n${body}`)));
      const other = await startProxy({ upstream: upstream.url });
      await expect(fetch(`${other.url}/challenges/demo/x`).then((response) => response.text())).rejects.toThrow();
      await other.stop();
      upstream.stop();
    }
  });

  test("because it had just closed an idle connection is asked again on a new one", async () => {
    let connections = 0;
    const upstream = await startTcp((socket) => {
      connections += 1;
      const is_first = connections === 1;
      let requests = 0;
      socket.on("data", () => {
        requests += 1;
        // The first connection takes a second request, and closes as a server does whose idle time is over.
        if (is_first && requests === 2) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    const other = await startProxy({ upstream: upstream.url });
    for (let n = 0; n < 3; n += 1) expect((await fetch(`${other.url}/challenges/demo/x`)).status).toBe(200);
    expect(connections).toBe(2);
    await other.stop();
    upstream.stop();
  });
});
