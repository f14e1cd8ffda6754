import { describe, expect, test } from "bun:test";
import {
  ArchiveError,
  archiveEvents,
  canonicalArchive,
  canonicalArchiveBytes,
} from "#shared/archive/canonical-archive.ts";
import { hostileArchives } from "../../../support/builders/archives/hostile-archives/all.ts";
import { longSegment, smallLimits } from "../../../support/builders/archives/hostile-archives/limits.ts";

async function* pieces(bytes: Uint8Array, piece_bytes: number) {
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
}

async function refusalOf(work: () => unknown): Promise<ArchiveError | string> {
  try {
    await work();
    return "accepted";
  } catch (error) {
    if (error instanceof ArchiveError) return error;
    throw error;
  }
}

describe("a refused archive", () => {
  for (const { name, bytes, kind, code, entry } of hostileArchives) {
    test(`${code}: ${name}`, async () => {
      const whole = await refusalOf(
        () =>
          canonicalArchiveBytes(bytes, smallLimits) ??
          Array.fromAsync(canonicalArchive(pieces(bytes, 4_000), smallLimits)),
      );
      expect(whole).toMatchObject({ kind, code, entry });
      const streamed = await refusalOf(() => Array.fromAsync(archiveEvents(pieces(bytes, 100), smallLimits)));
      expect(streamed).toMatchObject({ kind, code, entry });
    });
  }
});

test("no case is there twice", () => {
  expect(new Set(hostileArchives.map(({ name }) => name)).size).toBe(hostileArchives.length);
});

test("a segment longer than a file name is a limit", async () => {
  const roomy = { ...smallLimits, name_bytes_max: 1_000 };
  expect(await refusalOf(() => canonicalArchiveBytes(longSegment, roomy))).toMatchObject({ code: "segment_bytes" });
});

test("the message names the entry as a person counts, its name, what is wrong with bound and value, and what to do", async () => {
  const error = (await refusalOf(() => canonicalArchiveBytes(longSegment, smallLimits))) as ArchiveError;
  expect(error.message).toBe(
    `limit archive: entry 1 "${"a".repeat(100)}…": name of 256 bytes, at most 200. Use shorter names, or fewer folders inside each other.`,
  );
});
