import { describe, expect, test } from "bun:test";
import {
  ArchiveError,
  archiveEvents,
  canonicalArchive,
  canonicalArchiveBytes,
} from "#shared/archive/canonical-archive.ts";
import { hostile_archives } from "../../support/builders/hostile-archives/all.ts";
import { long_segment, small_limits } from "../../support/builders/hostile-archives/limits.ts";

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
  for (const { name, bytes, kind, code, entry } of hostile_archives) {
    test(`${code}: ${name}`, async () => {
      const whole = await refusalOf(
        () =>
          canonicalArchiveBytes(bytes, small_limits) ??
          Array.fromAsync(canonicalArchive(pieces(bytes, 4_000), small_limits)),
      );
      expect(whole).toMatchObject({ kind, code, entry });
      const streamed = await refusalOf(() => Array.fromAsync(archiveEvents(pieces(bytes, 100), small_limits)));
      expect(streamed).toMatchObject({ kind, code, entry });
    });
  }
});

test("no case is there twice", () => {
  expect(new Set(hostile_archives.map(({ name }) => name)).size).toBe(hostile_archives.length);
});

test("a segment longer than a file name is a limit", async () => {
  const roomy = { ...small_limits, name_bytes_max: 1_000 };
  expect(await refusalOf(() => canonicalArchiveBytes(long_segment, roomy))).toMatchObject({ code: "segment_bytes" });
});

test("the message names the position and never what the archive says", async () => {
  const error = (await refusalOf(() => canonicalArchiveBytes(long_segment, small_limits))) as ArchiveError;
  expect(error.message).toBe("limit archive: entry 2: name too long");
});
