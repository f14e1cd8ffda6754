import { beforeAll, describe, expect, test } from "bun:test";
import {
  type ArchiveLimits,
  type ArchiveRules,
  canonicalArchive,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { BitWriter, blockHead, bzip2Of, writeSymbols } from "../../../support/builders/archives/bzip2-writer.ts";
import { compressed, zstdOf } from "../../../support/builders/archives/compressors.ts";
import { smallLimits } from "../../../support/builders/archives/hostile-archives/limits.ts";
import { tarOf } from "../../../support/builders/archives/tar-builder.ts";

const rules: ArchiveRules = { ...plainRules, forms: ["tar.bz2", "tar.xz", "tar.zst"] };
const text = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i} ${(i * 7_919) % 1_000}\n`).join(""));
const tar = tarOf([
  { name: "a/" },
  { name: "a/text", content: text },
  { name: "a/zeros", content: Buffer.alloc(300_000) },
]);

async function* pieces(bytes: Uint8Array, piece_bytes = 10_000) {
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
}
async function packed(bytes: Uint8Array, bounds: ArchiveLimits = limits.archive, taken = rules) {
  const chunks = await Array.fromAsync(canonicalArchive(pieces(bytes), bounds, undefined, taken));
  return Buffer.concat(chunks);
}
const roomy = {
  ...smallLimits,
  expanded_bytes_max: 20_000_000,
  held_bytes_max: 1_000_000,
  window_bytes_max: 67_108_864,
};

describe.each(["bz2", "xz", "zst"] as const)("a tar.%s", (form) => {
  let bytes: Buffer;
  const compress = async (content: Uint8Array) => (form === "zst" ? zstdOf(content) : await compressed(form, content));
  beforeAll(async () => {
    bytes = await compress(tar);
  });

  test("is re-packed to the same bytes as the plain tar", async () => {
    expect(await packed(bytes)).toEqual(await packed(tar));
  });

  test("is refused by its name where it is not taken, with what is", async () => {
    const name = { bz2: "a bzip2", xz: "an xz", zst: "a zstd" }[form];
    await expect(packed(bytes, undefined, plainRules)).rejects.toMatchObject({
      message: `invalid archive: this is ${name} stream. Send a .tar.gz.`,
      code: "format",
    });
    const zip_only: ArchiveRules = { ...plainRules, forms: ["zip"] };
    await expect(packed(bytes, undefined, zip_only)).rejects.toMatchObject({
      remedy: "Send a .tar.gz, or one of: zip.",
    });
  });

  test("is refused when it is cut anywhere", async () => {
    for (const left of [1, 4, 12, 100, bytes.length >> 1])
      await expect(packed(bytes.subarray(0, -left))).rejects.toMatchObject({ code: "stream_truncated" });
  });

  test("is refused when a byte of it is another", async () => {
    for (const at of [30, bytes.length >> 1, bytes.length - 20]) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] as number) ^ 0x55;
      await expect(packed(other)).rejects.toMatchObject({ kind: "invalid" });
    }
  });

  test("is refused with bytes behind its end", async () => {
    await expect(packed(Buffer.concat([bytes, Buffer.from("x".repeat(40))]))).rejects.toMatchObject({
      code: "stream_trailing_data",
    });
  });

  test("is refused when it expands too much, long before it has", async () => {
    const bomb = await compress(tarOf([{ name: "a", content: Buffer.alloc(12_000_000) }]));
    await expect(packed(bomb, roomy)).rejects.toMatchObject({ kind: "limit", code: "ratio" });
  });

  test("is refused when there is more of it than may be held in memory", async () => {
    const tight = { ...limits.archive, held_bytes_max: bytes.length - 1 };
    await expect(packed(bytes, tight)).rejects.toMatchObject({
      code: "held_bytes",
      remedy: "Send a .tar.gz: it is read as it comes, with a far larger bound.",
    });
  });

  test("can be read many at a time", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => packed(bytes)));
    for (const one of all) expect(one.length).toBe(all[0]?.length as number);
  });
});

describe("a window", () => {
  test.each([
    ["xz", () => compressed("xz", tar, ", preset=9")],
    ["zstd", async () => windowed(27)],
  ] as const)("of %s that is larger than its reader is refused by name", async (form, make) => {
    await expect(packed(await make(), smallLimits)).rejects.toMatchObject({
      kind: "limit",
      message: `limit archive: ${form} stream that needs more memory than its reader has, in bytes, at most 1,048,576. Compress with a smaller window: xz -6, or zstd without --ultra and --long.`,
    });
  });

  /** A frame whose header asks for a window of 2 ** bits. */
  function windowed(bits: number): Buffer {
    return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (bits - 10) << 3, 0x01, 0, 0])]);
  }
});

describe("bzip2", () => {
  test("of our own writer and of many streams is read", async () => {
    const small = tarOf([{ name: "a", content: text.subarray(0, 3_000) }]);
    expect(await packed(bzip2Of(small))).toEqual(await packed(small));
    const halves = [small.subarray(0, 1_000), small.subarray(1_000)].map(bzip2Of);
    expect(await packed(Buffer.concat(halves))).toEqual(await packed(small));
  });

  test("a run that never ends is refused at once", async () => {
    // 32 digits of the least kind: their sum, in 32 bits, is -1.
    const out = new BitWriter().write(0x425a68, 24).write(0x39, 8);
    const { code_bits } = blockHead(out, 0, 0, [0]);
    writeSymbols(out, [...new Array<number>(32).fill(0), 2], 3, code_bits);
    const started = performance.now();
    await expect(packed(out.bytes())).rejects.toMatchObject({ code: "stream_data" });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
