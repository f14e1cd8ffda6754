import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ArchiveError, archiveEvents, canonicalArchiveBytes } from "#shared/archive/canonical-archive.ts";
import { canonicalName } from "#shared/archive/entry-name.ts";
import { foldName } from "#shared/archive/name-registry.ts";
import { canonicalHeader } from "#shared/archive/tar/tar-writer.ts";
import { limits } from "#shared/schemas/limits.ts";
import { paxEntry, type TarEntry, tarOf } from "../../../support/builders/archives/tar-builder.ts";

const bounds = limits.archive;

const segment = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
  .filter((text) => isAccepted(text) && !text.includes("/"));
const name = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => segments.join("/"));
const file = fc.record({ name, content: fc.uint8Array({ maxLength: 2_000 }), isExecutable: fc.boolean() });
/** Files whose names don't get in each other's way: a number in front. */
const files = fc
  .array(file, { maxLength: 12 })
  .map((all) => all.map((one, i) => ({ ...one, name: `${i}/${one.name}` })));

function isAccepted(text: string): boolean {
  try {
    canonicalName(text, false, bounds);
    return true;
  } catch (error) {
    if (error instanceof ArchiveError) return false;
    throw error;
  }
}

const entriesOf = (all: readonly { name: string; content: Uint8Array; isExecutable: boolean }[]): TarEntry[] =>
  all.flatMap(({ name, content, isExecutable }) => [
    paxEntry({ path: name }),
    { name: "x", content, mode: isExecutable ? 0o700 : 0o600 },
  ]);

test("every file that goes in comes out, with its name, content and execute bit", async () => {
  await fc.assert(
    fc.asyncProperty(files, fc.integer({ min: 1, max: 2_000 }), async (all, piece_bytes) => {
      const packed = canonicalArchiveBytes(tarOf(entriesOf(all)), bounds);
      if (packed === null) throw new Error("not small");
      async function* pieces(bytes: Uint8Array) {
        for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
      }
      const seen: { name: string; content: Uint8Array; isExecutable: boolean }[] = [];
      for await (const event of archiveEvents(pieces(packed.bytes), bounds)) {
        const last = seen.at(-1);
        if (event.kind === "entry")
          seen.push({ name: event.entry.name, content: new Uint8Array(0), isExecutable: event.entry.isExecutable });
        else if (last !== undefined) last.content = new Uint8Array([...last.content, ...event.data]);
      }
      expect(seen).toEqual(all.map(({ name, content, isExecutable }) => ({ name, content, isExecutable })));
    }),
    { numRuns: 200 },
  );
});

test("the order of the entries counts, their times and owners don't", () => {
  fc.assert(
    fc.property(files, fc.nat(2 ** 30), fc.nat(2 ** 20), (all, mtime, uid) => {
      const changed = entriesOf(all).map((entry) => ({ ...entry, mtime, uid }));
      const bytesOf = (entries: readonly TarEntry[]) => canonicalArchiveBytes(tarOf(entries), bounds)?.bytes;
      expect(bytesOf(changed)).toEqual(bytesOf(entriesOf(all)) as Uint8Array<ArrayBuffer>);
    }),
    { numRuns: 100 },
  );
});

test("random bytes are refused with an ArchiveError and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => {
      expect(() => canonicalArchiveBytes(bytes, bounds)).toThrow(ArchiveError);
    }),
    { numRuns: 2_000 },
  );
});

describe("a canonical name", () => {
  test("is its own canonical form, relative, and stays below its root", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), fc.boolean(), (text, isDirectory) => {
        let name: string;
        try {
          name = canonicalName(text, isDirectory, bounds);
        } catch (error) {
          if (error instanceof ArchiveError) return;
          throw error;
        }
        if (name === "") return;
        expect(canonicalName(name, false, bounds)).toBe(name);
        expect(new URL(`file:///root/${name.split("/").map(encodeURIComponent).join("/")}`).pathname).toStartWith(
          "/root/",
        );
        expect(name).not.toMatch(/^\/|\/\/|\/$|(^|\/)\.\.?(\/|$)|\\|[\p{Cc}]/u);
      }),
      { numRuns: 5_000 },
    );
  });
});

test("folding takes case and Unicode form away, once and for all", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 4 }), (text) => {
      const folded = foldName(text);
      expect(foldName(folded)).toBe(folded);
      for (const twin of [text.normalize("NFD"), text.normalize("NFC"), text.toUpperCase(), text.toLowerCase()]) {
        expect(foldName(twin)).toBe(folded);
      }
    }),
    { numRuns: 5_000 },
  );
});

test("a header is whole blocks, and the name fits where it is said to be", () => {
  fc.assert(
    fc.property(name, fc.nat(1_000_000), (name, size_bytes) => {
      const header = canonicalHeader({ kind: "file", name, size_bytes, isExecutable: false });
      expect(header.length % 512).toBe(0);
    }),
  );
});
