import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createLogger } from "#shared/observability/logger.ts";
import { systemClock } from "#shared/time/clock.ts";
import { followCertificate, readCertificate } from "../../../roles/proxy/http/certificate.ts";
import { waitFor } from "../../support/wait-for.ts";
import { rawRequest, startChallenge, startProxy } from "../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

describe("a client that is too slow", () => {
  test("with its head or its body is told so and cut off", async () => {
    const proxy = await startProxy({}, { head_ms_max: 300, request_ms_max: 600 });
    running.push(proxy);
    const head = rawRequest(proxy.port, "GET / HTTP/1.1\r\nHo", { ms: 8_000 });
    const upload = "POST /v1/challenges/demo/submissions HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc";
    const body = rawRequest(proxy.port, upload, { ms: 8_000 });
    expect(await head).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
    expect(await body).toStartWith("HTTP/1.1 408 ");
  }, 15_000);

  test("is not one whose answer takes longer than a request may", async () => {
    const challenge = await startChallenge();
    const proxy = await startProxy({ upstream: challenge.url }, { head_ms_max: 200, request_ms_max: 300 });
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
    async (_, bytes, is_chunked) => {
      const proxy = await startProxy();
      running.push(proxy);
      const child = Bun.spawn(["python3", "-c", python(proxy.port, bytes, is_chunked)], {
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

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "platform-tls-"));
  const files = { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const makeCertificate = (name: string) => {
    const made = Bun.spawnSync(
      `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -keyout ${files.key} -out ${files.certificate}`.split(
        " ",
      ),
    );
    expect(made.exitCode).toBe(0);
  };
  const servedName = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject?.CN));
        socket.destroy();
      });
      socket.on("error", reject);
    });

  test("serves a new certificate without a restart, and keeps the old one while the new is unsound", async () => {
    makeCertificate("first");
    const first = await readCertificate(files.certificate, files.key);
    const challenge = await startChallenge();
    const proxy = await startProxy({ upstream: challenge.url }, { tls: first });
    running.push(proxy, challenge);
    const stopping = new AbortController();
    let looks = 0;
    const clock = {
      ...systemClock,
      sleep: (_: number, signal?: AbortSignal) => {
        looks += 1;
        return systemClock.sleep(20, signal);
      },
    };
    const log = createLogger("proxy", "silent");
    const following = followCertificate(
      files,
      { clock, log, use: proxy.door.replaceCertificate },
      first,
      stopping.signal,
    );
    const answer = await fetch(`https://127.0.0.1:${proxy.port}/challenges/demo/x`, {
      tls: { rejectUnauthorized: false },
    });
    expect(answer.status).toBe(200);
    expect(challenge.received[0]?.headers).toContainEqual(["X-Forwarded-Proto", "https"]);
    expect(await servedName(proxy.port)).toBe("first");
    writeFileSync(files.certificate, "half a certificate");
    const looks_before = looks;
    await waitFor(() => looks > looks_before + 2, { what: "looks at the unsound certificate" });
    expect(await servedName(proxy.port)).toBe("first");
    makeCertificate("second");
    await waitFor(async () => (await servedName(proxy.port)) === "second", { what: "new certificate" });
    stopping.abort();
    await following;
  });

  test("refuses a key that is not the certificate's", async () => {
    makeCertificate("one");
    const other = join(folder, "other.pem");
    Bun.spawnSync(["cp", files.key, other]);
    makeCertificate("two");
    await expect(readCertificate(files.certificate, other)).rejects.toThrow("does not hold the key");
  });
});
