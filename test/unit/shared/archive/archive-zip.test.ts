import { describe, expect, test } from "bun:test";
import {
  type ArchiveEntry,
  type ArchiveLimits,
  type ArchiveRules,
  canonicalArchive,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { smallLimits } from "../../../support/builders/archives/hostile-archives/limits.ts";
import { zips } from "../../../support/builders/archives/hostile-archives/zips.ts";
import { tarOf } from "../../../support/builders/archives/tar-builder.ts";
import { zipOf } from "../../../support/builders/archives/zip-builder.ts";

const rules: ArchiveRules = { ...plainRules, forms: ["zip"] };

async function* pieces(bytes: Uint8Array) {
  for (let at = 0; at < bytes.length; at += 4_000) yield bytes.subarray(at, at + 4_000);
}
async function packed(bytes: Uint8Array, bounds: ArchiveLimits = limits.archive, taken = rules) {
  const entries: ArchiveEntry[] = [];
  const chunks = canonicalArchive(pieces(bytes), bounds, (entry) => entries.push(entry), taken);
  return { bytes: Buffer.concat(await Array.fromAsync(chunks)), entries };
}

describe("a refused zip", () => {
  for (const { name, bytes, kind, code, entry } of zips) {
    test(`${code}: ${name}`, async () => {
      await expect(packed(bytes, smallLimits)).rejects.toMatchObject({ kind, code, entry });
    });
  }
});

describe("a zip is re-packed to the same bytes as a tar of the same files", () => {
  const large = Buffer.concat(Array.from({ length: 80 }, () => crypto.getRandomValues(new Uint8Array(65_536))));
  const files = [
    { name: "src/" },
    { name: "src/a.py", content: Buffer.from("print(1)\n"), mode: 0o644 },
    { name: "run", content: Buffer.from("#!/bin/sh\n"), mode: 0o755 },
    { name: "zeros", content: Buffer.alloc(100_000) },
    { name: "é", content: Buffer.from("x") },
    { name: "large", content: large },
    { name: "empty" },
  ];
  const modeOf = (name: string) => (name.endsWith("/") ? 0o040755 : 0o100644);
  const expected = packed(tarOf(files), undefined, plainRules);
  const zipFiles = files.map(({ mode, ...file }) => ({ ...file, ...(mode ? { mode: 0o100000 | mode } : {}) }));

  test.each([
    ["deflated", zipFiles],
    ["stored", zipFiles.map((file) => ({ ...file, method: 0 }))],
    ["written to a pipe", zipFiles.map((file) => ({ ...file, isPiped: true }))],
    ["by a Unix that does not mark UTF-8", zipFiles.map((file) => ({ mode: modeOf(file.name), ...file, flags: 0 }))],
  ])("%s", async (_, all) => {
    expect((await packed(zipOf(all))).bytes).toEqual((await expected).bytes);
  });

  test("with sizes in a zip64 field, as Python writes what it cannot foresee", async () => {
    const content = Buffer.from("text");
    const extra = Buffer.alloc(20);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(4n, 4);
    extra.writeBigUInt64LE(4n, 12);
    const file = {
      name: "a",
      content,
      method: 0,
      local: { size_bytes: 0xffffffff, compressed_bytes: 0xffffffff, extra },
    };
    expect((await packed(zipOf([file]))).bytes).toEqual((await packed(tarOf([{ name: "a", content }]))).bytes);
  });

  test("of a writer that sets all bits of a mode that it does not know", async () => {
    const zip = zipOf([
      { name: "d/", mode: 0o177777 },
      { name: "d/a", mode: 0o177777 },
    ]);
    expect((await packed(zip)).bytes).toEqual((await packed(tarOf([{ name: "d/" }, { name: "d/a" }]))).bytes);
  });

  test("with a comment", async () => {
    expect((await packed(zipOf(zipFiles, { comment: Buffer.from("made by hand") }))).bytes).toEqual(
      (await expected).bytes,
    );
  });
});

test("an empty zip is an empty archive", async () => {
  expect((await packed(zipOf([]))).bytes).toEqual(Buffer.alloc(1024));
});

test("a zip of macOS loses what macOS keeps beside the files, where the rules say so", async () => {
  const zip = zipOf([
    { name: "a.txt", content: Buffer.from("a") },
    { name: "__MACOSX/" },
    { name: "__MACOSX/._a.txt", content: Buffer.from("resource") },
    { name: ".DS_Store", content: Buffer.from("view") },
    { name: "Icon\r", content: Buffer.from("icon") },
  ]);
  const { entries } = await packed(zip, undefined, { ...rules, macos_files: "drop" });
  expect(entries.map(({ name }) => name)).toEqual(["a.txt"]);
});

test("a zip's symbolic link is a copy of what it points to, where the rules say so", async () => {
  const zip = zipOf([
    { name: "lib/a.so.1", content: Buffer.from("code"), mode: 0o100755 },
    { name: "lib/a.so", content: Buffer.from("a.so.1"), mode: 0o120777 },
  ]);
  const { entries } = await packed(zip, undefined, { ...rules, links: "copy" });
  expect(entries).toEqual([
    { kind: "file", name: "lib/a.so.1", size_bytes: 4, isExecutable: true },
    { kind: "file", name: "lib/a.so", size_bytes: 4, isExecutable: true },
  ]);
});
