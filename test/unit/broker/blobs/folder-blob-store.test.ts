import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "#shared/schemas/limits.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import { systemClock } from "#shared/time/clock.ts";
import { BlobError, type BlobStore } from "../../../../roles/broker/blobs/blob-store.ts";
import { openFolderBlobStore } from "../../../../roles/broker/blobs/folder-blob-store.ts";
import { VirtualClock } from "../../../simulation/model/virtual-clock.ts";
import { waitFor } from "../../../support/wait-for.ts";

let directory: string;
let blobs: BlobStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "blobs-"));
  blobs = await openStore();
});
afterEach(() => rm(directory, { recursive: true }));

const openStore = (free_bytes_min = 0) => openFolderBlobStore({ directory, free_bytes_min, clock: systemClock });
const files = () =>
  readdir(directory, { recursive: true, withFileTypes: true }).then((all) => all.filter((e) => e.isFile()));
const incoming = () => join(directory, "incoming");
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex") as Sha256;
async function* chunks(...parts: (string | Uint8Array)[]) {
  for (const part of parts) yield typeof part === "string" ? Buffer.from(part) : part;
}
const text = async (digest: Sha256, range?: { start?: number; end?: number }) => {
  const reading = await blobs.open(digest, range);
  return reading === null ? null : await new Response(reading.stream).text();
};

describe("put", () => {
  test("stores chunks as one blob under their digest, and nothing else stays", async () => {
    const stored = await blobs.put(chunks("ab", "", "c"));
    expect(stored).toEqual({ digest: sha256(Buffer.from("abc")), size_bytes: 3, isKnown: false });
    expect(await text(stored.digest)).toBe("abc");
    expect((await files()).map(({ name }) => name)).toEqual([stored.digest]);
  });

  test("tells that the same bytes were stored before", async () => {
    await blobs.put(chunks("abc"));
    expect((await blobs.put(chunks("a", "bc"))).isKnown).toBe(true);
    expect(await files()).toHaveLength(1);
  });

  test("takes an empty blob", async () => {
    const { digest, size_bytes } = await blobs.put(chunks());
    expect([size_bytes, await text(digest)]).toEqual([0, ""]);
  });

  test("passes an error of the source on and leaves nothing", async () => {
    const failure = new Error("cut");
    const broken = (async function* () {
      yield Buffer.from("half");
      throw failure;
    })();
    await expect(blobs.put(broken)).rejects.toBe(failure);
    expect(await files()).toEqual([]);
  });

  test("leaves nothing of a blob that is not admitted", async () => {
    const seen: object[] = [];
    const admit = async (blob: object) => {
      seen.push(blob);
      throw new Error("over the quota");
    };
    await expect(blobs.put(chunks("abc"), { admit })).rejects.toThrow("over the quota");
    expect(seen).toEqual([{ digest: sha256(Buffer.from("abc")), size_bytes: 3, isKnown: false }]);
    expect(await files()).toEqual([]);
  });

  test("ends at its deadline though its source never answers, and leaves neither file nor open handle", async () => {
    const clock = new VirtualClock();
    const store = await openFolderBlobStore({ directory, free_bytes_min: 0, clock });
    const silent = (async function* () {
      yield Buffer.from("half");
      await new Promise(() => undefined);
    })();
    const putting = store.put(silent);
    const written = async () =>
      (await Promise.all((await readdir(incoming())).map((name) => stat(join(incoming(), name))))).some(
        ({ size }) => size > 0,
      );
    await waitFor(written, { what: "a file that is being written" });
    const refused = putting.catch((error: BlobError) => error.code);
    await clock.advance(limits.jobs.blob_ms_max + 1);
    expect(await refused).toBe("blob_too_slow");
    expect(await files()).toEqual([]);
    const open = await readdir("/proc/self/fd");
    const targets = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")));
    expect(targets.filter((path) => path.startsWith(directory))).toEqual([]);
  });

  test("is refused below the floor of free space", async () => {
    const full = await openStore(Number.MAX_SAFE_INTEGER);
    await expect(full.put(chunks("x"))).rejects.toBeInstanceOf(BlobError);
    await expect(full.put(chunks("x"))).rejects.toMatchObject({ code: "storage_full" });
  });

  test("stores 200 blobs that are put at once", async () => {
    const contents = Array.from({ length: 200 }, (_, i) => `content ${i % 150}`);
    const stored = await Promise.all(contents.map((content) => blobs.put(chunks(content))));
    for (const [i, { digest }] of stored.entries()) expect(await text(digest)).toBe(contents[i] as string);
    expect(await files()).toHaveLength(150);
  });
});

describe("open", () => {
  test("reads ranges, clamped to the blob", async () => {
    const { digest } = await blobs.put(chunks("0123456789"));
    expect(await text(digest, { start: 4 })).toBe("456789");
    expect(await text(digest, { start: 2, end: 5 })).toBe("234");
    expect(await text(digest, { start: 8, end: 50 })).toBe("89");
    expect(await text(digest, { start: 10 })).toBe("");
    const reading = await blobs.open(digest, { start: 4 });
    expect(reading?.size_bytes).toBe(10);
    await reading?.stream.cancel();
  });

  test("streams a blob of many chunks unchanged", async () => {
    const big = crypto.getRandomValues(new Uint8Array(60_000));
    const parts = Array.from({ length: 40 }, () => big);
    const { digest } = await blobs.put(chunks(...parts));
    const reading = await blobs.open(digest);
    expect(sha256(await new Response(reading?.stream).bytes())).toBe(digest);
  });

  test("an unknown digest is null, and a path is not a digest", async () => {
    expect(await blobs.open("0".repeat(64) as Sha256)).toBeNull();
    expect(await blobs.size("0".repeat(64) as Sha256)).toBeNull();
    await expect(blobs.open("../../etc/passwd" as Sha256)).rejects.toBeInstanceOf(RangeError);
  });
});

test("delete says whether there was one, and list shows what is left", async () => {
  const a = await blobs.put(chunks("a"));
  const b = await blobs.put(chunks("bb"));
  expect(await blobs.delete(a.digest)).toBe(true);
  expect(await blobs.delete(a.digest)).toBe(false);
  const listed = await Array.fromAsync(blobs.list());
  expect(listed.map(({ digest, size_bytes }) => ({ digest, size_bytes }))).toEqual([
    { digest: b.digest, size_bytes: 2 },
  ]);
});

test("files that a dead process left are cleared at the start and later, and those being written are spared", async () => {
  await writeFile(join(incoming(), "old"), "x");
  await writeFile(join(incoming(), "young"), "x");
  await utimes(join(incoming(), "old"), new Date(), new Date(Date.now() - 3_600_000));
  const store = await openStore();
  expect(await readdir(incoming())).toEqual(["young"]);
  await utimes(join(incoming(), "young"), new Date(), new Date(Date.now() - 3_600_000));
  expect(await store.removeAbandoned()).toBe(1);
  expect(await readdir(incoming())).toEqual([]);
});

test("reports the free space of its file system", async () => {
  expect(await blobs.freeBytes()).toBeGreaterThan(0);
});
