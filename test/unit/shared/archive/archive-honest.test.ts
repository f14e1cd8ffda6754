import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import {
  type ArchiveEntry,
  ArchiveError,
  type ArchiveRules,
  canonicalArchive,
  plainRules,
} from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import { extractAndCompare } from "../../../support/builders/archives/gnu-tar.ts";
import { honestArchives } from "../../../support/builders/archives/honest-archives.ts";
import { longNameEntry, paxEntry, tarOf } from "../../../support/builders/archives/tar-builder.ts";
import { zipOf } from "../../../support/builders/archives/zip-builder.ts";

const x = Buffer.from("x");

async function* once(bytes: Uint8Array) {
  yield bytes;
}
async function packed(bytes: Uint8Array, rules: ArchiveRules = plainRules) {
  const entries: ArchiveEntry[] = [];
  const chunks = canonicalArchive(once(bytes), limits.archive, (entry) => entries.push(entry), rules);
  return { bytes: Buffer.concat(await Array.fromAsync(chunks)), entries };
}
const shown = (entries: readonly ArchiveEntry[]) =>
  entries.map(({ kind, name }) => (kind === "directory" ? `${name}/` : name));
async function refusal(bytes: Uint8Array, rules?: ArchiveRules): Promise<string> {
  try {
    await packed(bytes, rules);
    return "accepted";
  } catch (error) {
    if (error instanceof ArchiveError) return error.message;
    throw error;
  }
}

describe("is taken", () => {
  for (const { name, bytes, names, isReadByGnuTar = true } of honestArchives) {
    test(name, async () => {
      const { bytes: repacked, entries } = await packed(bytes);
      expect(shown(entries)).toEqual([...names]);
      const tree = new Map<string, number>();
      for (const entry of entries) {
        const parts = entry.name.split("/");
        for (let i = 1; i < parts.length; i++) tree.set(`${parts.slice(0, i).join("/")}/`, 0);
        tree.set(entry.kind === "directory" ? `${entry.name}/` : entry.name, entry.size_bytes);
      }
      const archives = isReadByGnuTar ? [repacked, bytes] : [repacked];
      expect(await extractAndCompare(archives.map((archive) => ({ label: name, archive, expected: tree })))).toEqual(
        [],
      );
    });
  }
});

describe("files of macOS", () => {
  const archive = tarOf([
    { name: "._a", content: x },
    { name: "a", content: x },
    { name: "d/.DS_Store", content: x },
    { name: "d/Icon\r", content: Buffer.from("an icon that is longer than a block".repeat(30)) },
    { name: "d/b", content: x },
  ]);

  test("are left out where the rules say so, their bytes too", async () => {
    const { entries, bytes } = await packed(archive, { ...plainRules, macos_files: "drop" });
    expect(shown(entries)).toEqual(["a", "d/b"]);
    expect(bytes.includes("icon")).toBe(false);
  });

  test("are else taken, but for one with a control character, whose refusal says what it is", async () => {
    expect(await refusal(archive)).toBe(
      `unsafe archive: entry 4 "d/Icon\\r": name with a control character: a folder's icon, as macOS keeps it. Pack without it: tar --exclude=$'Icon\\r'; or have the challenge's record drop files of macOS.`,
    );
  });
});

describe("a refusal says the form, the entry, what is wrong and what to do", () => {
  const tarGz = "Send a .tar.gz; a single file too goes into one: tar -czf archive.tar.gz FILE";
  const relative = "Pack from inside the folder, for example with: tar -czf archive.tar.gz -C FOLDER .";
  const links =
    "Pack what the links point to: tar -h for symbolic links, --hard-dereference for hard links; or have the challenge's record copy links.";

  test.each([
    ["a zip", zipOf([{ name: "a" }]), "invalid archive: this is a zip. Send a .tar.gz."],
    ["an empty zip", zipOf([]), "invalid archive: this is an empty zip. Send a .tar.gz."],
    ["a bzip2", Buffer.from("BZh91AY&SY"), "invalid archive: this is a bzip2 stream. Send a .tar.gz."],
    ["an xz", Buffer.from("\xfd7zXZ\0", "latin1"), "invalid archive: this is an xz stream. Send a .tar.gz."],
    ["a zstd", Buffer.from("\x28\xb5\x2f\xfd", "latin1"), "invalid archive: this is a zstd stream. Send a .tar.gz."],
    ["a 7z", Buffer.from("7z\xbc\xaf\x27\x1c\0\x04", "latin1"), `invalid archive: this is a 7z archive. ${tarGz}`],
    ["a RAR", Buffer.from("Rar!\x1a\x07\x01\0", "latin1"), `invalid archive: this is a RAR archive. ${tarGz}`],
    ["a program", Buffer.from(`\x7fELF${"\0".repeat(900)}`, "latin1"), `invalid archive: this is a program. ${tarGz}`],
    ["a raw file", Buffer.from("print(1)\n"), `invalid archive: this is a text file. ${tarGz}`],
    ["a long raw file", Buffer.from("print(1)\n".repeat(99)), `invalid archive: this is a text file. ${tarGz}`],
    ["JSON", Buffer.from('{"a":1}'), `invalid archive: this is JSON text. ${tarGz}`],
    ["noise", Buffer.alloc(2_000, 0x91), `invalid archive: this is no archive that is known. ${tarGz}`],
    ["nothing", Buffer.alloc(0), "invalid archive: no bytes. Send the bytes of an archive."],
    [
      "a zip, gzipped",
      gzipSync(zipOf([{ name: "a", content: Buffer.alloc(900, 7) }])),
      `invalid archive: this is a zip inside of another archive. ${tarGz}`,
    ],
    [
      "a symbolic link, with a long name",
      tarOf([{ name: "ok", content: x }, longNameEntry(`${"n".repeat(120)}`), { name: "x", type: "2", link: "y" }]),
      `unsafe archive: entry 2 "${"n".repeat(100)}…": symbolic link. ${links}`,
    ],
    ["a hard link", tarOf([{ name: "a", type: "1", link: "b" }]), `unsafe archive: entry 1 "a": hard link. ${links}`],
    [
      "a sparse file",
      tarOf([paxEntry({ "GNU.sparse.major": "1" }), { name: "s", content: x }]),
      "unsafe archive: entry 1: sparse file. Pack it without -S (--sparse).",
    ],
    [
      "a climbing name",
      tarOf([{ name: "a/../../b" }]),
      `unsafe archive: entry 1 "a/../../b": name with a \`..\` segment. ${relative}`,
    ],
    ["an absolute name", tarOf([{ name: "/etc/x" }]), `unsafe archive: entry 1 "/etc/x": absolute name. ${relative}`],
    [
      "a name that would move a terminal",
      tarOf([{ name: 'a\x1b[2J"\u202e' }]),
      'unsafe archive: entry 1 "a\\x1b[2J\\"\\u{202e}": name with a control character. Rename it and pack the archive again.',
    ],
    [
      "a name that is not UTF-8",
      tarOf([{ name: Buffer.from([0x61, 0xe4]) }]),
      'unsafe archive: entry 1 "a<e4>": name that is not UTF-8. Rename the file with characters of UTF-8, or pack it on a system whose locale is UTF-8.',
    ],
    [
      "a twin",
      tarOf([{ name: "Readme" }, { name: "README" }]),
      'unsafe archive: entry 2 "README": name that differs from "Readme" only in case or Unicode form. Give them names that differ in more than case or Unicode form; on many systems they are one file.',
    ],
    [
      "an unknown key",
      tarOf([paxEntry({ "ACME.x": "1" }), { name: "a" }]),
      'unsafe archive: entry 1: PAX header with the key "ACME.x", which is not known. Pack it again, for example with: tar --format=pax -czf archive.tar.gz -C FOLDER .',
    ],
    [
      "a long name",
      tarOf([longNameEntry(`${"a".repeat(200)}/`.repeat(6)), { name: "x/", type: "5" }]),
      `limit archive: entry 1 "${"a".repeat(100)}…": name of 1205 bytes, at most 1,024. Use shorter names, or fewer folders inside each other.`,
    ],
    [
      "an archive that is cut",
      tarOf([{ name: "a", content: Buffer.alloc(4_096) }]).subarray(0, 1_500),
      "invalid archive: archive ends before its end. Send it again; it was cut off or damaged on its way, or its writer has not ended.",
    ],
  ])("%s", async (_, bytes, message) => {
    expect(await refusal(bytes)).toBe(message);
  });
});
