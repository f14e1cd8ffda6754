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
import { type TarEntry, tarOf } from "../../support/builders/archives/tar-builder.ts";
import { FakeBroker } from "../../support/fakes/fake-transfer-broker.ts";

const main = join(import.meta.dir, "../../../roles/stager/main.ts");
const token = "dG9rZW4tb2YtdGhlLWpvYg";
let volumes: string;
let volume: string;
let broker: FakeBroker;

beforeEach(() => {
  volumes = mkdtempSync(join(tmpdir(), "volumes-"));
  volume = join(volumes, "0");
  mkdirSync(volume);
  broker = new FakeBroker(token);
});
afterEach(() => {
  broker.stop();
  rmSync(volumes, { recursive: true, force: true });
});

async function stager(command: string, settings: Record<string, string> = {}) {
  const env = {
    PLATFORM_VOLUMES_PATH: volumes,
    PLATFORM_TRANSFER_URL: broker.url,
    ...(command === "collect" ? { PLATFORM_MOUNTS: JSON.stringify([{ index: 0, token }]) } : {}),
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

/** Settings of a fetch of mount 0. */
const fetching = (digest: string | null, writable = false) => ({
  PLATFORM_MOUNTS: JSON.stringify([{ index: 0, writable, digest, token: digest === null ? null : token }]),
});

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
    const { code, result } = await stager("fetch", fetching(input.digest));
    const mount = { index: 0, entries: 3, size_bytes: input.bytes.length, digest: input.digest, repeated: false };
    expect(result).toEqual({ kind: "fetch", mounts: [mount] });
    expect(code).toBe(0);
    expect(readFileSync(join(volume, "data.bin"))).toEqual(Buffer.from(entries[0]?.content ?? []));
    expect(readdirSync(volume).sort()).toEqual(["bin", "data.bin", "empty"]);
    expect([modeOf(""), modeOf("bin"), modeOf("data.bin"), modeOf("bin/run")]).toEqual([0o755, 0o755, 0o644, 0o755]);
  });

  test("opens a writable volume to any user", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    await stager("fetch", fetching(input.digest, true));
    expect([modeOf(""), modeOf("bin"), modeOf("empty"), modeOf("data.bin")]).toEqual([0o1777, 0o1777, 0o1777, 0o644]);
  });

  test("opens an empty writable volume without an archive", async () => {
    const { code } = await stager("fetch", fetching(null, true));
    expect([code, modeOf("")]).toEqual([0, 0o1777]);
    expect(broker.requests).toEqual([]);
  });

  test("resumes where a cut connection ended", async () => {
    const content = random(8_000_000 / 128)
      .toString("hex")
      .repeat(64);
    const bytes = tarOf([{ name: "data.bin", content: Buffer.from(content), mtime: 0, uid: 0 }]);
    const input = { bytes, digest: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") };
    broker.input = input.bytes;
    broker.cut_after_bytes = [0, 7_000_000, 500_000];
    const { code } = await stager("fetch", fetching(input.digest));
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
    expect((await stager("fetch", fetching(input.digest))).code).toBe(0);
    expect(broker.requests).toHaveLength(4);
  });

  test("refuses bytes with another digest, and starts over at its next run", async () => {
    const input = canonical(entries);
    broker.input = canonical([{ name: "other", content: random(10) }]).bytes;
    const refused = await stager("fetch", fetching(input.digest));
    expect([refused.code, refused.result.error]).toEqual([12, "input_refused"]);
    broker.input = input.bytes;
    expect((await stager("fetch", fetching(input.digest))).code).toBe(0);
    expect(readdirSync(volume).sort()).toEqual(["bin", "data.bin", "empty"]);
  });

  test("refuses an archive with a path out of the volume, even from the broker", async () => {
    const bytes = tarOf([{ name: "../escaped", content: Buffer.from("x") }]);
    broker.input = bytes;
    const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    expect((await stager("fetch", fetching(digest))).code).toBe(12);
    expect(existsSync(join(volume, "../escaped"))).toBe(false);
  });

  test("leaves an already filled volume unchanged at a second start", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    await stager("fetch", fetching(input.digest, true));
    writeFileSync(join(volume, "result"), "42");
    const again = await stager("fetch", fetching(input.digest, true));
    expect([again.code, again.result.mounts[0].repeated]).toEqual([0, true]);
    expect(readFileSync(join(volume, "result"), "utf8")).toBe("42");
  });

  test("fills all mounts in one run, even when one of them fails", async () => {
    const input = canonical(entries);
    broker.input = input.bytes;
    for (const index of [3, 7]) mkdirSync(join(volumes, String(index)));
    const mounts = [
      { index: 0, writable: false, digest: "0".repeat(64), token },
      { index: 3, writable: true, digest: null, token: null },
      { index: 7, writable: false, digest: input.digest, token },
    ];
    const { code } = await stager("fetch", { PLATFORM_MOUNTS: JSON.stringify(mounts) });
    expect(code).toBe(12);
    expect(readdirSync(join(volumes, "7")).sort()).toEqual(["bin", "data.bin", "empty"]);
    expect(lstatSync(join(volumes, "3")).mode & 0o7777).toBe(0o1777);
    expect(broker.paths.sort()).toEqual(["/v1/transfer/job/inputs/0", "/v1/transfer/job/inputs/7"]);
  });

  test("fills nothing on a worker whose disk is below its floor", async () => {
    const { code, result } = await stager("fetch", { ...fetching("0".repeat(64)), PLATFORM_FREE_BYTES_MIN: "1e15" });
    expect([code, result.error]).toEqual([13, "storage"]);
    const few = await stager("fetch", { ...fetching("0".repeat(64)), PLATFORM_FREE_INODES_MIN: "1e15" });
    expect([few.code, few.result.error]).toEqual([13, "storage"]);
    expect(broker.requests).toEqual([]);
  });

  test("ends at once when the token is refused, and at the deadline when nobody answers", async () => {
    const digest = "0".repeat(64);
    broker.statuses = [403];
    expect((await stager("fetch", fetching(digest))).code).toBe(11);
    broker.stop();
    const late = await stager("fetch", { ...fetching(digest), PLATFORM_DEADLINE_MS: "1000" });
    expect([late.code, late.result.error]).toEqual([10, "deadline"]);
  });
});

describe("collect", () => {
  test("sends files and directories, but follows no link", async () => {
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

    const { code, result: all } = await stager("collect");
    const [result] = all.mounts;
    const counts = { code, entries: result.entries, skipped: result.skipped.count };
    expect(counts).toEqual({ code: 0, entries: 5, skipped: 5 });
    const [upload] = broker.uploads;
    expect(upload?.length).toBe(result.size_bytes);
    expect(JSON.parse(broker.requests[0]?.skipped ?? "null")).toEqual(result.skipped);
    const names: string[] = [];
    const packed = canonicalArchiveBytes(upload as Buffer, limits.archive, ({ name }) => names.push(name));
    expect(names).toEqual(["out", "out/a", "out/deep", "out/hard", "run"]);
    // The sent archive is already canonical.
    expect(packed?.bytes).toEqual(upload as Buffer);
    expect(new Bun.CryptoHasher("sha256").update(upload as Buffer).digest("hex")).toBe(result.digest);
  });

  test.each(["PLATFORM_FREE_BYTES_MIN", "PLATFORM_FREE_INODES_MIN"])(
    "sends all from a disk with less than %s and exits with 14, unless the job left too much",
    async (name) => {
      writeFileSync(join(volume, "a"), "aaa");
      const aboveAll = { [name]: String(2 ** 52) };
      const low = await stager("collect", aboveAll);
      expect([low.code, low.result.is_disk_low, broker.uploads.length]).toEqual([14, true, 1]);
      const enough = await stager("collect");
      expect([enough.code, enough.result.is_disk_low]).toEqual([0, false]);
      writeFileSync(join(volume, "big"), random(100_000));
      expect((await stager("collect", { ...aboveAll, PLATFORM_OUTPUT_BYTES_MAX: "50000" })).code).toBe(20);
    },
  );

  test("starts over after a cut", async () => {
    writeFileSync(join(volume, "big"), random(2_000_000));
    broker.cut_after_bytes = [500_000];
    broker.statuses = [503];
    const { code, result } = await stager("collect");
    expect(code).toBe(0);
    expect(broker.uploads.at(-1)?.length).toBe(result.mounts[0].size_bytes);
    expect(broker.requests.length).toBe(3);
  });

  test("sends nothing of outputs over the limit, and says so", async () => {
    writeFileSync(join(volume, "big"), random(200_000));
    const { code, result } = await stager("collect", { PLATFORM_OUTPUT_BYTES_MAX: "100000" });
    expect([code, result.error]).toEqual([20, "output_too_large"]);
    expect(broker.requests).toEqual([]);
  });

  test("sends all mounts in one run, and reports too large outputs before other failures", async () => {
    for (const index of [1, 2]) mkdirSync(join(volumes, String(index)));
    writeFileSync(join(volume, "a"), "a");
    writeFileSync(join(volumes, "1", "big"), random(200_000));
    writeFileSync(join(volumes, "2", "b"), "b");
    const mounts = JSON.stringify([0, 1, 2].map((index) => ({ index, token })));
    const { code } = await stager("collect", { PLATFORM_MOUNTS: mounts, PLATFORM_OUTPUT_BYTES_MAX: "100000" });
    expect(code).toBe(20);
    expect(broker.paths.sort()).toEqual(["/v1/transfer/job/outputs/0", "/v1/transfer/job/outputs/2"]);
  });

  test("turns each refusal of the broker into its exit code", async () => {
    writeFileSync(join(volume, "a"), "a");
    for (const [status, code] of [
      [413, 20],
      [422, 21],
      [409, 21],
      [400, 70],
      [401, 11],
    ] as const) {
      broker.statuses = [status];
      expect((await stager("collect")).code).toBe(code);
    }
  });

  test("sends an empty volume as an empty archive", async () => {
    const { code, result } = await stager("collect");
    expect([code, result.mounts[0].entries, result.mounts[0].size_bytes]).toEqual([0, 0, 1024]);
    expect(broker.uploads).toEqual([Buffer.alloc(1024)]);
  });
});

test("a wrong setting ends the stager with a sentence and exit code 64", async () => {
  const { code, result } = await stager("fetch", { PLATFORM_TYPO: "1", ...fetching("xyz") });
  expect(code).toBe(64);
  expect(result.detail).toContain("PLATFORM_TYPO");
  expect(result.detail).toContain("PLATFORM_MOUNTS");
  expect(result.detail).not.toContain(token);
});
