import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { systemClock } from "#shared/time/clock.ts";
import { rawRequest, startChallenge, startProxy } from "../../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

describe("a client that is too slow", () => {
  /** Time runs so fast that a whole request may take 0.6 s. */
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 500 };

  test("with its head or its body is told so and cut off", async () => {
    const proxy = await startProxy({ clock });
    running.push(proxy);
    const head = rawRequest(proxy.port, "GET / HTTP/1.1\r\nHo", { ms: 8_000 });
    const upload = "POST /v1/challenges/demo/submissions HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
    const body = rawRequest(proxy.port, upload, { ms: 8_000 });
    expect(await head).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
    expect(await body).toStartWith("HTTP/1.1 408 ");
  }, 15_000);

  test("is not one whose answer takes longer than a request may", async () => {
    const challenge = await startChallenge();
    const proxy = await startProxy({ upstream: challenge.url, clock });
    running.push(proxy, challenge);
    challenge.answer = async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      await Bun.sleep(3_500);
      response.end("late");
    };
    const response = await fetch(`${proxy.url}/challenges/demo/x`, { method: "POST", body: "x" });
    expect(await response.text()).toBe("late");
  }, 15_000);
});

describe("a client of the standard library of Python", () => {
  const python = (port: number, bytes: number, chunked: boolean) => `
import http.client, urllib.request, urllib.error
body = b"x" * ${bytes}
url = "http://127.0.0.1:${port}/v1/challenges/demo/submissions"
try:
    data = iter([body[i:i + 65536] for i in range(0, len(body), 65536)]) if ${chunked ? "True" : "False"} else body
    print(urllib.request.urlopen(urllib.request.Request(url, data=data, method="POST"), timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except Exception as error:
    print("broken", repr(error))
`;

  test.each([
    ["with its length", 8_000_000, false],
    ["with its length, far too large", 40_000_000, false],
    ["in chunks", 20_000_000, true],
  ])(
    "sees the refusal of an upload that is too large, sent %s",
    async (_, bytes, isChunked) => {
      const proxy = await startProxy();
      running.push(proxy);
      const child = Bun.spawn(["python3", "-c", python(proxy.port, bytes, isChunked)], {
        stdout: "pipe",
        stderr: "inherit",
      });
      const output = await new Response(child.stdout).text();
      expect(output).toStartWith("413 ");
      expect(output).toContain('"detail":"Submission too large"');
    },
    30_000,
  );

  test("sees every other refusal of a large upload too", async () => {
    const proxy = await startProxy({ challenges: [] });
    running.push(proxy);
    const child = Bun.spawn(["python3", "-c", python(proxy.port, 20_000_000, false)], { stdout: "pipe" });
    expect(await new Response(child.stdout).text()).toStartWith("404 ");
  }, 30_000);
});

test("an endless upload is cut off when the bound of what is read is reached", async () => {
  const proxy = await startProxy();
  running.push(proxy);
  let sent = 0;
  const piece = Buffer.alloc(1 << 20, "x");
  const chunk = Buffer.concat([Buffer.from("100000\r\n"), piece, Buffer.from("\r\n")]);
  const closed = await new Promise<boolean>((resolve) => {
    const socket = connect(proxy.port, "127.0.0.1", () => {
      socket.write("POST /v1/challenges/demo/submissions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
      const more = () => {
        while (!socket.destroyed && sent < 2_000) {
          sent += 1;
          if (!socket.write(chunk)) return void socket.once("drain", more);
        }
        resolve(false);
      };
      more();
    });
    socket.on("error", () => undefined).on("close", () => resolve(true));
  });
  expect(closed).toBe(true);
  expect(sent).toBeLessThan(200);
}, 30_000);
