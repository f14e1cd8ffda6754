import { deflateRawSync, gzipSync } from "node:zlib";
import type { ArchiveLimits } from "#shared/archive/canonical-archive.ts";
import { longNameEntry, paxEntry, type TarEntry, tarOf } from "../tar-builder.ts";
import { good, type HostileArchive, limit } from "./hostile-archive.ts";

/** To be read with `smallLimits`. */
export const smallLimits: ArchiveLimits = {
  compressed_bytes_max: 1_000_000,
  expanded_bytes_max: 8_000_000,
  ratio_max: 100,
  ratio_free_bytes_max: 1_000_000,
  entries_max: 20,
  depth_max: 5,
  name_bytes_max: 200,
  header_bytes_max: 4_096,
  held_bytes_max: 500_000,
  copied_bytes_max: 100_000,
  window_bytes_max: 1_048_576,
};

const plain = tarOf([good]);
const many = (count: number, make: (i: number) => TarEntry) => tarOf(Array.from({ length: count }, (_, i) => make(i)));

export const limits: readonly HostileArchive[] = [
  limit(
    "ratio",
    null,
    "a bomb: a thousandfold (GHSA-23hp-3jrh-7fpw node-tar)",
    gzipSync(tarOf([{ name: "a", content: Buffer.alloc(5_000_000) }])),
  ),
  limit("ratio", null, "a bomb of zeros behind the end", gzipSync(Buffer.concat([plain, Buffer.alloc(6_000_000)]))),
  limit("expanded_bytes", 1, "a header that announces too much", tarOf([{ name: "a", size: 0o777777777 }])),
  limit("compressed_bytes", null, "too much as it comes", Buffer.concat([plain, Buffer.alloc(1_100_000)])),
  limit(
    "entries",
    21,
    "too many entries",
    many(21, (i) => ({ name: `f${i}` })),
  ),
  limit(
    "entries",
    5,
    "too many directories that only parents imply",
    many(6, (i) => ({ name: `${i}/a/b/c/d` })),
  ),
  limit(
    "entries",
    1,
    "too many global headers",
    many(22, () => paxEntry({ comment: "c" }, "g")),
  ),
  limit(
    "entries",
    41,
    "a directory too often, which is the same each time",
    many(41, () => ({ name: "d/" })),
  ),
  limit("depth", 1, "a name too deep (CVE-2024-28863 node-tar)", tarOf([{ name: "1/2/3/4/5/6" }])),
  limit("name_bytes", 1, "a name too long", tarOf([longNameEntry("a/".repeat(120)), { name: "b/", type: "5" }])),
  limit("name_bytes", 1, "a name too long in UTF-8 only", tarOf([paxEntry({ path: "é".repeat(110) }), good])),
  limit("header_bytes", 1, "a PAX header too large (CVE-2022-2879 Go)", tarOf([{ name: "p", type: "x", size: 5_000 }])),
  limit(
    "header_bytes",
    1,
    "a GNU long name that claims gigabytes: Python made room for them (cpython 151498)",
    tarOf([{ name: "L", type: "L", size: 0o77777777777 }]),
  ),
  limit(
    "header_bytes",
    null,
    "a gzip file name too long",
    Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]),
      Buffer.alloc(5_000, 0x61),
      Buffer.from([0]),
      deflateRawSync(plain),
      Buffer.alloc(8),
    ]),
  ),
];

/** A segment longer than a Linux file name, with room for it in `name_bytes_max`. */
export const longSegment = tarOf([longNameEntry("a".repeat(256)), good]);
