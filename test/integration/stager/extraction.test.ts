import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ArchiveEntry, ArchiveError, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { extractArchive } from "../../../roles/stager/extract-archive.ts";
import { listVolume, packVolume } from "../../../roles/stager/walk-volume.ts";
import { treeOf } from "../../simulation/shared/archive-fuzz.ts";
import { compareTree } from "../../support/builders/archives/gnu-tar.ts";
import { randomArchive } from "../../support/builders/archives/random-archives.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";

async function* pieces(bytes: Uint8Array, piece_bytes: number) {
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
}

/** The archive of a seed with its entries, or null where the gate refuses it. */
function accepted(seed: number): { bytes: Uint8Array; entries: ArchiveEntry[] } | null {
  const entries: ArchiveEntry[] = [];
  try {
    const packed = canonicalArchiveBytes(randomArchive(seed), limits.archive, (entry) => entries.push(entry));
    return packed === null ? null : { bytes: packed.bytes, entries };
  } catch (error) {
    if (error instanceof ArchiveError) return null;
    throw error;
  }
}

async function inFolder<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "extraction-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const options = (directory: string) => ({ directory, isWritable: false, limits: limits.archive });

test("random archives are extracted to exactly their entries, and packed again to the same content", async () => {
  let extracted = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const archive = accepted(seed);
    if (archive === null) continue;
    extracted++;
    await inFolder(async (directory) => {
      await extractArchive(pieces(archive.bytes, 700), options(directory));
      const expected = treeOf(archive.entries);
      expect(compareTree(directory, expected)).toEqual([]);
      const listing = listVolume(directory, limits.archive);
      const packed = Buffer.concat(await Array.fromAsync(packVolume(directory, listing)));
      expect(packed.length).toBe(listing.size_bytes);
      const again: ArchiveEntry[] = [];
      canonicalArchiveBytes(packed, limits.archive, (entry) => again.push(entry));
      expect(treeOf(again)).toEqual(expected);
    });
  }
  expect(extracted).toBeGreaterThan(80);
});

test("extraction neither follows a link nor replaces a file that is already there", async () => {
  await inFolder(async (directory) => {
    await inFolder(async (outside) => {
      symlinkSync(join(outside, "new"), join(directory, "file"));
      symlinkSync(outside, join(directory, "folder"));
      const extracting = (name: string) =>
        extractArchive(pieces(tarOf([{ name, content: Buffer.from("x") }]), 512), options(directory));
      await expect(extracting("file")).rejects.toMatchObject({ code: "EEXIST" });
      await expect(extracting("folder/x")).rejects.toMatchObject({ code: "EEXIST" });
      expect(compareTree(outside, new Map())).toEqual([]);
    });
  });
});
