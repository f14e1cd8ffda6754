import { deflateRawSync } from "node:zlib";
import { type ZipFile, type ZipOptions, zipOf } from "../zip-builder.ts";
import { type HostileArchive, x } from "./hostile-archive.ts";

const good: ZipFile = { name: "good", content: x };
const zip = (
  [kind, code, entry]: readonly [HostileArchive["kind"], string, number | null],
  name: string,
  files: readonly ZipFile[],
  options?: ZipOptions,
): HostileArchive => ({ name, kind, code, entry, bytes: zipOf(files, options) });
const text = Buffer.from("text ".repeat(100));
const unicodePath = (name: string) =>
  Buffer.concat([Buffer.from([0x75, 0x70, name.length + 5, 0, 1, 0, 0, 0, 0]), Buffer.from(name)]);

/** To be read with a rule that takes zips. */
export const zips: readonly HostileArchive[] = [
  zip(["unsafe", "zip_encrypted", 2], "an encrypted entry", [good, { name: "secret", flags: 0x0801, content: x }]),
  zip(["unsafe", "zip_encrypted", 1], "strong encryption", [{ name: "secret", flags: 0x0841, content: x }]),
  zip(["unsafe", "name_parent", 2], "zip slip (CVE-2018-1002201)", [good, { name: "../../etc/cron.d/x", content: x }]),
  zip(["unsafe", "name_absolute", 1], "an absolute name", [{ name: "/etc/passwd", content: x }]),
  zip(["unsafe", "name_backslash", 1], "a name of Windows", [{ name: "a\\..\\..\\x", content: x }]),
  zip(["unsafe", "name_nul", 1], "a NUL in a name: Python ends there", [{ name: "a\0b", content: x }]),
  zip(["unsafe", "name_not_utf8", 1], "a name that is marked as UTF-8 and is not", [
    { name: Buffer.from([0x61, 0xff]), content: x },
  ]),
  zip(["unsafe", "zip_name", 1], "a name in an unknown code page", [
    { name: Buffer.from([0x61, 0x84]), flags: 0, content: x },
  ]),
  zip(["unsafe", "zip_name", 1], "a second name in an extra field", [{ ...good, extra: unicodePath("../x") }]),
  zip(["unsafe", "duplicate", 2], "a name twice: the last one wins, or the first", [good, good]),
  zip(["unsafe", "twin", 2], "names that differ in case", [good, { name: "GOOD", content: x }]),
  zip(["unsafe", "file_as_directory", 2], "a file that a later name needs as a directory", [good, { name: "good/a" }]),
  zip(["unsafe", "link", 1], "a symbolic link", [{ name: "l", mode: 0o120777, content: Buffer.from("/etc/passwd") }]),
  zip(["unsafe", "type", 1], "a named pipe", [{ name: "p", mode: 0o010644 }]),
  zip(["unsafe", "name_slash", 1], "a file whose name is a folder's", [{ name: "a/", mode: 0o100644, content: x }]),
  zip(["unsafe", "directory_size", 1], "a directory with content", [{ name: "a/", mode: 0o040755, content: x }]),
  zip(["unsafe", "zip_kind", 1], "a directory whose name is a file's", [{ name: "a", mode: 0o040755 }]),
  zip(["invalid", "zip_mismatch", 1], "another name in its local header", [{ ...good, local: { name: "evil" } }]),
  zip(["invalid", "zip_mismatch", 1], "another size in its local header", [{ ...good, local: { size_bytes: 9 } }]),
  zip(["invalid", "zip_mismatch", 1], "another method in its local header", [{ ...good, local: { method: 0 } }]),
  zip(["invalid", "zip_mismatch", 1], "another checksum in its local header", [{ ...good, local: { crc: 9 } }]),
  zip(["invalid", "zip_mismatch", 1], "another flag in its local header", [{ ...good, local: { flags: 0 } }]),
  zip(["invalid", "zip_mismatch", 1], "other sizes behind its bytes", [
    { ...good, isPiped: true, central: { crc: 9 } },
  ]),
  zip(["invalid", "zip_overlap", 1], "entries that overlap (David Fifield's bomb)", [
    good,
    { ...good, name: "2", central: { offset: 0, name: "good" } },
  ]),
  zip(["invalid", "zip_overlap", 1], "bytes between its entries", [good, { name: "2", gap: Buffer.alloc(7) }]),
  zip(["invalid", "zip_overlap", 1], "bytes before its first entry", [{ ...good, gap: Buffer.from("PK\x03\x04MZ") }]),
  zip(["invalid", "zip_overlap", 1], "a hidden entry before its directory", [good], {
    before_directory: zipOf([{ name: "hidden" }]).subarray(0, 40),
  }),
  zip(["invalid", "zip_overlap", 1], "an entry longer than its place", [
    { ...good, central: { compressed_bytes: 900 }, local: { compressed_bytes: 900 } },
  ]),
  zip(["invalid", "zip_directory", null], "bytes between its directory and its end", [good], {
    after_directory: Buffer.alloc(9),
  }),
  zip(["invalid", "zip_directory", null], "a directory of another size: Python moves all entries by it", [good], {
    end: (record) => void record.writeUInt32LE(9, 12),
  }),
  zip(["invalid", "zip_directory", null], "a second end in its comment", [good], {
    comment: Buffer.concat([zipOf([good]), Buffer.alloc(0)]),
  }),
  zip(["invalid", "zip_directory", null], "fewer entries than its directory", [good, { name: "2" }], {
    end: (record) => {
      record.writeUInt16LE(1, 8);
      record.writeUInt16LE(1, 10);
    },
  }),
  zip(["invalid", "zip_trailing_data", null], "bytes behind its end", [good], {
    end: (record) => void record.writeUInt16LE(0, 20),
    comment: Buffer.alloc(30, 7),
  }),
  zip(["invalid", "zip_parts", null], "a zip of many parts", [good], {
    end: (record) => void record.writeUInt16LE(1, 4),
  }),
  zip(["invalid", "zip_64", null], "a zip64 directory", [good], {
    end: (record) => void record.writeUInt32LE(0xffffffff, 16),
  }),
  zip(["invalid", "zip_method", 1], "a method that few can read", [{ ...good, method: 14 }]),
  zip(["invalid", "zip_data", 1], "a checksum that is not its content's", [{ ...good, crc: 9 }]),
  zip(["invalid", "zip_data", 1], "content longer than it says", [{ name: "t", content: text, size_bytes: 9 }]),
  zip(["invalid", "zip_data", 1], "content shorter than it says", [{ name: "t", content: text, size_bytes: 900 }]),
  zip(["invalid", "zip_data", 1], "bytes behind its deflate stream", [
    { name: "t", content: text, compressed: Buffer.concat([deflateRawSync(text), x]) },
  ]),
  zip(["invalid", "zip_data", 1], "a deflate stream that is none", [
    { name: "t", content: text, compressed: Buffer.alloc(50, 0xff) },
  ]),
  zip(["invalid", "zip_data", 1], "a stored entry of two lengths", [
    { name: "t", method: 0, content: x, size_bytes: 9 },
  ]),
  {
    name: "half of a zip",
    kind: "invalid",
    code: "zip_truncated",
    entry: null,
    bytes: zipOf([{ name: "t", content: text }]).subarray(0, 60),
  },
  zip(["limit", "ratio", null], "a bomb: a thousandfold", [{ name: "t", content: Buffer.alloc(4_000_000) }]),
  zip(["limit", "ratio", null], "sizes that only claim to be large", [
    { ...good, size_bytes: 4_000_000_000, local: { size_bytes: 4_000_000_000 } },
  ]),
  zip(
    ["limit", "entries", null],
    "too many entries",
    Array.from({ length: 21 }, (_, i) => ({ name: `f${i}` })),
  ),
  zip(["limit", "name_bytes", 1], "a name too long", [{ name: "a/".repeat(120) }]),
];
