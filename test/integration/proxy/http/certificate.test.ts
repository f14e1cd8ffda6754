import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { createLogger } from "#shared/observability/logger.ts";
import { systemClock } from "#shared/time/clock.ts";
import { followCertificate, readCertificate } from "../../../../roles/proxy/http/certificate.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { startChallenge, startProxy } from "../../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

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
