import { describe, expect, test } from "bun:test";
import { deflateRawSync, gzipSync } from "node:zlib";
import {
  type ArchiveEntry,
  archiveEvents,
  canonicalArchive,
  canonicalArchiveBytes,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import {
  gnuMagic,
  longNameEntry,
  paxEntry,
  type TarEntry,
  tarOf,
} from "../../../support/builders/archives/tar-builder.ts";

const bounds = limits.archive;
const random = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536))));

function canonicalOf(bytes: Uint8Array): { bytes: Uint8Array; entries: ArchiveEntry[] } {
  const entries: ArchiveEntry[] = [];
  const packed = canonicalArchiveBytes(bytes, bounds, (entry) => entries.push(entry));
  if (packed === null) throw new Error("not small");
  return { bytes: packed.bytes, entries };
}

async function* pieces(bytes: Uint8Array, piece_bytes: number) {
  for (let at = 0; at < bytes.length; at += piece_bytes) yield bytes.subarray(at, at + piece_bytes);
}

const streamed = async (bytes: Uint8Array, piece_bytes = 65_536) =>
  Buffer.concat(await Array.fromAsync(canonicalArchive(pieces(bytes, piece_bytes), bounds)));

const entries: readonly TarEntry[] = [
  { name: "./" },
  { name: "./src/", mode: 0o775 },
  { name: "./src/a.py", content: Buffer.from("print(1)\n"), mode: 0o664 },
  { name: "./run", content: Buffer.from("#!/bin/sh\n"), mode: 0o750 },
  { name: "./empty", mode: 0o600 },
];

/** The entry under a name that an extended header will replace. */
const named = (entry: TarEntry): TarEntry => ({
  ...entry,
  name: "x",
  type: String(entry.name).endsWith("/") ? "5" : "0",
});

describe("equal content gives equal bytes", () => {
  const expected = canonicalOf(tarOf(entries)).bytes;
  const changed = (change: (entry: TarEntry) => TarEntry) => tarOf(entries.map(change));

  test.each([
    ["gzipped", gzipSync(tarOf(entries))],
    ["gzipped at another level", gzipSync(tarOf(entries), { level: 1 })],
    ["with other times", changed((entry) => ({ ...entry, mtime: 1 }))],
    ["with other owners", changed((entry) => ({ ...entry, uid: 0 }))],
    ["with other modes of the same meaning", changed((entry) => ({ ...entry, mode: (entry.mode ?? 0) | 0o4 }))],
    ["without ./", changed((entry) => ({ ...entry, name: String(entry.name).replace(/^\.\/(?=.)/, "") }))],
    ["without an entry for the root", tarOf(entries.slice(1))],
    ["by GNU", changed((entry) => ({ ...entry, magic: gnuMagic }))],
    ["with old-style files", changed((entry) => ({ ...entry, type: String(entry.name).endsWith("/") ? "5" : "\0" }))],
    [
      "with PAX times",
      tarOf(entries.flatMap((entry) => [paxEntry({ mtime: "1.5", "SCHILY.xattr.user.a": "b" }), entry])),
    ],
    ["with a global comment", tarOf([paxEntry({ comment: "0123abc" }, "g"), ...entries])],
    ["with names from PAX", tarOf(entries.flatMap((entry) => [paxEntry({ path: entry.name }), named(entry)]))],
    ["with GNU long names", tarOf(entries.flatMap((entry) => [longNameEntry(String(entry.name)), named(entry)]))],
    ["with padding to a tape record", Buffer.concat([tarOf(entries), Buffer.alloc(10_240)])],
    ["with rubbish in the padding of a file", tarOf(entries).fill(7, 3 * 512 + 100, 4 * 512)],
  ])("%s", (_, bytes) => {
    expect(canonicalOf(bytes).bytes).toEqual(expected);
  });

  test.each([
    [
      "another byte",
      changed((entry) => (entry.name === "./run" ? { ...entry, content: Buffer.from("#!/bin/zsh") } : entry)),
    ],
    ["another name", changed((entry) => (entry.name === "./run" ? { ...entry, name: "./ran" } : entry))],
    ["an execute bit more", changed((entry) => (entry.name === "./empty" ? { ...entry, mode: 0o700 } : entry))],
    ["a directory more", tarOf([...entries, { name: "lib/" }])],
  ])("but not with %s", (_, bytes) => {
    expect(canonicalOf(bytes).bytes).not.toEqual(expected);
  });
});

test("tells the entries in their order and never the root", () => {
  const seen = canonicalOf(tarOf(entries)).entries;
  expect(seen).toEqual([
    { kind: "directory", name: "src", size_bytes: 0, isExecutable: true },
    { kind: "file", name: "src/a.py", size_bytes: 9, isExecutable: false },
    { kind: "file", name: "run", size_bytes: 10, isExecutable: true },
    { kind: "file", name: "empty", size_bytes: 0, isExecutable: false },
  ]);
  expect(canonicalArchiveBytes(tarOf(entries), bounds)?.summary).toEqual({
    files: 3,
    directories: 1,
    content_bytes: 19,
  });
});

test("an empty archive is two blocks of zeros", () => {
  expect(canonicalOf(tarOf([])).bytes).toEqual(Buffer.alloc(1024));
  expect(canonicalOf(tarOf([{ name: "./" }])).bytes).toEqual(Buffer.alloc(1024));
});

test("a canonical archive is its own canonical form, whatever its names", () => {
  const names = ["a", "ü".repeat(60), "n".repeat(100), "n".repeat(101), `${"d".repeat(150)}/${"n".repeat(99)}`];
  const deep = Array.from({ length: 20 }, (_, i) => `directory-${i}`).join("/");
  const source = [...names, deep].flatMap((name) => [longNameEntry(name), { name: "x", content: Buffer.from(name) }]);
  const once = canonicalOf(tarOf(source));
  expect(once.entries.map(({ name }) => name)).toEqual([...names, deep]);
  expect(canonicalOf(once.bytes)).toEqual(once);
});

test("nothing of the source's owners, times and comments is in it", () => {
  const source = tarOf([
    paxEntry({ comment: "secret-comment", uname: "secret-user" }),
    { ...entries[3], name: "a", edit: (block) => void block.write("secret-user", 265) } as TarEntry,
  ]);
  expect(Buffer.from(canonicalOf(source).bytes).includes("secret")).toBe(false);
});

describe("the stream", () => {
  const large = tarOf([
    ...entries,
    { name: "big", content: Buffer.concat(Array.from({ length: 90 }, () => random(65_536))) },
    { name: "after", content: random(1000) },
  ]);

  test.each([1, 7, 511, 512, 513, 4096])("gives the same bytes in pieces of %d", async (piece_bytes) => {
    const small = tarOf([...entries, longNameEntry("n".repeat(250)), { name: "x", content: random(3000) }]);
    expect(await streamed(small, piece_bytes)).toEqual(Buffer.from(canonicalOf(small).bytes));
    expect(await streamed(gzipSync(small), piece_bytes)).toEqual(Buffer.from(canonicalOf(small).bytes));
  });

  test("gives the same bytes for a large archive, plain and gzipped", async () => {
    const plain = await streamed(large);
    expect(plain.length).toBeGreaterThan(5_000_000);
    expect(await streamed(gzipSync(large))).toEqual(plain);
    expect(await streamed(gzipSync(large), 1_000)).toEqual(plain);
    expect(canonicalArchiveBytes(large, bounds)).toBeNull();
  });

  test("takes a gzip header with all its fields", async () => {
    const parts = [
      Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 4, 0]),
      Buffer.from("\u0001\u0002\u0003\u0004file.tar\0a comment\0\u0000\u0000", "latin1"),
      deflateRawSync(large),
      gzipSync(large).subarray(-8),
    ];
    expect(await streamed(Buffer.concat(parts))).toEqual(await streamed(large));
  });

  test("stops its source when its reader stops", async () => {
    let is_stopped = false;
    async function* endless() {
      try {
        for (;;) yield large;
      } finally {
        is_stopped = true;
      }
    }
    for await (const _ of canonicalArchive(endless(), bounds)) break;
    expect(is_stopped).toBe(true);
  });

  test("stops its source at the first refusal", async () => {
    let taken = 0;
    async function* source() {
      yield gzipSync(Buffer.concat([tarOf([{ name: "../x" }]), large]));
      for (; taken < 1000; taken++) yield random(65_536);
    }
    await expect(Array.fromAsync(canonicalArchive(source(), bounds))).rejects.toMatchObject({ code: "name_parent" });
    expect(taken).toBeLessThan(2);
  });

  test("passes an error of its source on", async () => {
    const failure = new Error("connection lost");
    async function* broken() {
      yield gzipSync(large).subarray(0, 600_000);
      throw failure;
    }
    await expect(Array.fromAsync(canonicalArchive(broken(), bounds))).rejects.toBe(failure);
  });

  test("needs no more memory for a larger archive", async () => {
    const roomy = { ...bounds, expanded_bytes_max: 4e9, compressed_bytes_max: 4e9, ratio_max: 2_000 };
    const peakOf = async (mebibytes: number) => {
      const zeros = Buffer.alloc(1024 * 1024);
      const gzip = (await import("node:zlib")).createGzip({ level: 1 });
      void (async () => {
        gzip.write(tarOf([{ name: "z", size: mebibytes * zeros.length }]).subarray(0, 512));
        for (let i = 0; i < mebibytes; i++) {
          if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once("drain", resolve));
        }
        gzip.end(Buffer.alloc(1024));
      })();
      let peak = 0;
      let bytes = 0;
      for await (const chunk of canonicalArchive(gzip, roomy)) {
        bytes += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss);
      }
      expect(bytes).toBe(mebibytes * zeros.length + 1536);
      return peak;
    };
    const small = await peakOf(64);
    expect(await peakOf(512)).toBeLessThan(small + 64 * 1024 * 1024);
  });
});

test("events are the entries with their contents, for who extracts", async () => {
  const seen: string[] = [];
  const events = archiveEvents(pieces(gzipSync(tarOf(entries)), 100), bounds);
  for (;;) {
    const next = await events.next();
    if (next.done) {
      expect(next.value.files).toBe(3);
      break;
    }
    seen.push(next.value.kind === "entry" ? next.value.entry.name : Buffer.from(next.value.data).toString());
  }
  expect(seen).toEqual(["src", "src/a.py", "print(1)\n", "run", "#!/bin/sh\n", "empty"]);
});
