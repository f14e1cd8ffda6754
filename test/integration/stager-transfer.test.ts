import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { FakeBroker } from "../support/fake-transfer-broker.ts";
import { type TarEntry, tarOf } from "../support/tar-builder.ts";

const main = join(import.meta.dir, "../../roles/stager/main.ts");
const token = "dG9rZW4tb2YtdGhlLWpvYg";
let volume: string;
let broker: FakeBroker;

beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), "volume-"));
  broker = new FakeBroker(token);
});
afterEach(() => {
  broker.stop();
  rmSync(volume, { recursive: true, force: true });
});

async function stager(command: string, settings: Record<string, string> = {}) {
  const env = {
    PLATFORM_VOLUME_PATH: volume,
    PLATFORM_TRANSFER_URL: broker.url,
    PLATFORM_TRANSFER_TOKEN: token,
    PLATFORM_DEADLINE_MS: "20000",
    ...settings,
  };
  const child = Bun.spawn([process.execPath, main, command], { env, stdout: "pipe", stderr: "pipe" });
  const [code, out, errors] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, result: JSON.parse(out.trim().split("\n").at(-1) ?? "null"), errors };
}

function canonical(entries: readonly TarEntry[]) {
  const packed = canonicalArchiveBytes(tarOf(entries), limits.archive);
  if (packed === null) throw new Error("too large for a test");
  return { bytes: packed.bytes, digest: new Bun.CryptoHasher("sha256").update(packed.bytes).digest("hex") };
}

const modeOf = (name: string) => lstatSync(join(volume, name)).mode & 0o7777;
const random = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes)));

describe("fetch", () => {
  const entries: TarEntry[] = [
    { name: "data.bin", content: random(60_000) },
    { name: "bin/run", content: Buffer.from("#!/bin/sh\n"), mode: 0o700 },
    { name: "empty/", type: "5" },
  ];

  test("fills the volume with the archive of the digest", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    const { code, result } = await stager("fetch", { PLATFORM_DIGEST: input.digest });
    expect(result).toEqual({
      kind: "fetch",
      entries: 3,
      size_bytes: input.bytes.length,
      digest: input.digest,
      repeated: false,
    });
    expect(code).toBe(0);
    expect(readFileSync(join(volume, "data.bin"))).toEqual(Buffer.from(entries[0]?.content ?? []));
    expect(readdirSync(volume).sort()).toEqual(["bin", "data.bin", "empty"]);
    expect([modeOf(""), modeOf("bin"), modeOf("data.bin"), modeOf("bin/run")]).toEqual([0o755, 0o755, 0o644, 0o755]);
  });

  test("opens a writable volume to any user", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    await stager("fetch", { PLATFORM_DIGEST: input.digest, PLATFORM_WRITABLE: "true" });
    expect([modeOf(""), modeOf("bin"), modeOf("empty"), modeOf("data.bin")]).toEqual([0o1777, 0o1777, 0o1777, 0o644]);
  });

  test("opens an empty writable volume without an archive", async () => {
    const { code } = await stager("fetch", { PLATFORM_WRITABLE: "true" });
    expect([code, modeOf("")]).toEqual([0, 0o1777]);
    expect(broker.requests).toEqual([]);
  });

  test("goes on where a cut connection ended", async () => {
    const content = random(8_000_000 / 128)
      .toString("hex")
      .repeat(64);
    const bytes = tarOf([{ name: "data.bin", content: Buffer.from(content), mtime: 0, uid: 0 }]);
    const input = { bytes, digest: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") };
    broker.input = input.bytes;
    broker.cut_after_bytes = [0, 7_000_000, 500_000];
    const { code } = await stager("fetch", { PLATFORM_DIGEST: input.digest });
    expect(code).toBe(0);
    const whole = "bytes=0-";
    expect(broker.requests.slice(0, 2).map(({ range }) => range)).toEqual([whole, whole]);
    expect(broker.requests.slice(2).map(({ range }) => range === whole)).toEqual([false, false]);
    expect(readFileSync(join(volume, "data.bin"), "utf8")).toBe(content);
  });

  test("tries again while the broker is unavailable", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    broker.statuses = [503, 429, 502];
    expect((await stager("fetch", { PLATFORM_DIGEST: input.digest })).code).toBe(0);
    expect(broker.requests).toHaveLength(4);
  });

  test("refuses other bytes than those of the digest, and begins anew the next time", async () => {
    const input = canonical(entries);
    broker.input = canonical([{ name: "other", content: random(10) }]).bytes;
    const refused = await stager("fetch", { PLATFORM_DIGEST: input.digest });
    expect([refused.code, refused.result.error]).toEqual([12, "input_refused"]);
    broker.input = input.bytes;
    expect((await stager("fetch", { PLATFORM_DIGEST: input.digest })).code).toBe(0);
    expect(readdirSync(volume).sort()).toEqual(["bin", "data.bin", "empty"]);
  });

  test("does not trust the broker: an archive that climbs is refused", async () => {
    const bytes = tarOf([{ name: "../escaped", content: Buffer.from("x") }]);
    broker.input = bytes;
    const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    expect((await stager("fetch", { PLATFORM_DIGEST: digest })).code).toBe(12);
    expect(existsSync(join(volume, "../escaped"))).toBe(false);
  });

  test("a second start leaves a staged volume as the job made it", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    await stager("fetch", { PLATFORM_DIGEST: input.digest, PLATFORM_WRITABLE: "true" });
    writeFileSync(join(volume, "result"), "42");
    const again = await stager("fetch", { PLATFORM_DIGEST: input.digest, PLATFORM_WRITABLE: "true" });
    expect([again.code, again.result.repeated]).toEqual([0, true]);
    expect(readFileSync(join(volume, "result"), "utf8")).toBe("42");
  });

  test("ends at once when the token is refused, and at the deadline when nobody answers", async () => {
    const digest = "0".repeat(64);
    broker.statuses = [403];
    expect((await stager("fetch", { PLATFORM_DIGEST: digest })).code).toBe(11);
    broker.stop();
    const late = await stager("fetch", { PLATFORM_DIGEST: digest, PLATFORM_DEADLINE_MS: "1000" });
    expect([late.code, late.result.error]).toEqual([10, "deadline"]);
  });
});

describe("collect", () => {
  test("sends files and directories, never what a link points to", async () => {
    mkdirSync(join(volume, "out/deep"), { recursive: true });
    writeFileSync(join(volume, "out/a"), "aaa", { mode: 0o600 });
    writeFileSync(join(volume, "run"), "#!", { mode: 0o755 });
    chmodSync(join(volume, "out/deep"), 0o700);
    symlinkSync("/etc/passwd", join(volume, "passwd"));
    symlinkSync("/etc", join(volume, "out/etc"));
    linkSync(join(volume, "out/a"), join(volume, "out/hard"));
    writeFileSync(join(volume, "bad\nname"), "x");
    Bun.spawnSync(["mkfifo", join(volume, "pipe")]);
    writeFileSync(Buffer.concat([Buffer.from(`${volume}/latin-`), Buffer.from([0xe9])]), "x");

    const { code, result } = await stager("collect");
    expect({ code, entries: result.entries, skipped: result.skipped }).toEqual({ code: 0, entries: 5, skipped: 5 });
    const [upload] = broker.uploads;
    expect(upload?.length).toBe(result.size_bytes);
    expect(broker.requests[0]?.skipped).toBe("5");
    const names: string[] = [];
    const packed = canonicalArchiveBytes(upload as Buffer, limits.archive, ({ name }) => names.push(name));
    expect(names).toEqual(["out", "out/a", "out/deep", "out/hard", "run"]);
    // What is sent is canonical already.
    expect(packed?.bytes).toEqual(upload as Buffer);
    expect(new Bun.CryptoHasher("sha256").update(upload as Buffer).digest("hex")).toBe(result.digest);
  });

  test("starts over after a cut", async () => {
    writeFileSync(join(volume, "big"), random(2_000_000));
    broker.cut_after_bytes = [500_000];
    broker.statuses = [503];
    const { code, result } = await stager("collect");
    expect(code).toBe(0);
    expect(broker.uploads.at(-1)?.length).toBe(result.size_bytes);
    expect(broker.requests.length).toBe(3);
  });

  test("what is over the limit is said and not sent", async () => {
    writeFileSync(join(volume, "big"), random(200_000));
    const { code, result } = await stager("collect", { PLATFORM_OUTPUT_BYTES_MAX: "100000" });
    expect([code, result.error]).toEqual([20, "output_too_large"]);
    expect(broker.requests).toEqual([]);
  });

  test("reads the broker's refusals", async () => {
    writeFileSync(join(volume, "a"), "a");
    for (const [status, code] of [
      [413, 20],
      [422, 21],
      [409, 21],
      [401, 11],
    ] as const) {
      broker.statuses = [status];
      expect((await stager("collect")).code).toBe(code);
    }
  });

  test("an empty volume is an empty archive", async () => {
    const { code, result } = await stager("collect");
    expect([code, result.entries, result.size_bytes]).toEqual([0, 0, 1024]);
    expect(broker.uploads).toEqual([Buffer.alloc(1024)]);
  });
});

test("a wrong environment is a sentence and exit code 64", async () => {
  const { code, result } = await stager("fetch", { PLATFORM_TYPO: "1", PLATFORM_DIGEST: "xyz" });
  expect(code).toBe(64);
  expect(result.detail).toContain("PLATFORM_TYPO");
  expect(result.detail).toContain("PLATFORM_DIGEST");
  expect(result.detail).not.toContain(token);
});
