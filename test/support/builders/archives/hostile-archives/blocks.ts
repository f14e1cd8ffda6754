import { blockOfZeros, entryOf, tarOf } from "../tar-builder.ts";
import { good, type HostileArchive, invalid, x } from "./hostile-archive.ts";

export const blocks: readonly HostileArchive[] = [
  invalid(
    "checksum",
    2,
    "a header that was changed",
    tarOf([good, { name: "b", damage: (block) => void block.write("c", 0) }]),
  ),
  invalid(
    "checksum_field",
    1,
    "a checksum that is no number",
    tarOf([{ name: "b", damage: (block) => void block.write("zzz", 148) }]),
  ),
  invalid(
    "size_field",
    1,
    "a negative size: Python looped for ever (CVE-2025-8194)",
    tarOf([{ name: "b", size: "-0000000001\0" }]),
  ),
  invalid("size_field", 1, "a size in base-256: -1", tarOf([{ name: "b", size: "\xff".repeat(12) }])),
  invalid("size_field", 1, "a size in base-256", tarOf([{ name: "b", size: `\x80${"\0".repeat(10)}\x01` }])),
  invalid("size_field", 1, "a size with digits behind its end", tarOf([{ name: "b", size: "0000000000\x001" }])),
  invalid(
    "mode_field",
    1,
    "a mode that is no number",
    tarOf([{ name: "b", edit: (block) => void block.write("rwxr", 100) }]),
  ),
  invalid("size_field", 1, "no size", tarOf([{ name: "b", size: "\0".repeat(12) }])),
  invalid(
    "number_field",
    2,
    "an owner that is no number: Python ends there without a word",
    tarOf([good, { name: "b", edit: (block) => void block.write("0_01750", 108) }]),
  ),
  invalid(
    "number_field",
    1,
    "a time that is no number (CVE-2022-48303 GNU tar)",
    tarOf([{ name: "b", edit: (block) => void block.write("           9", 136) }]),
  ),
  invalid(
    "magic",
    1,
    "a v7 header with fields of another format behind its link",
    tarOf([{ name: "b", magic: "\0\0\0\0\0\0\0\0", prefix: "../x" }]),
  ),
  invalid("magic", 1, "a header of another format", tarOf([{ name: "b", magic: "tar\0\0\0\0\0" }])),
  invalid("empty", null, "nothing", new Uint8Array(0)),
  invalid("truncated", null, "no end", entryOf(good)),
  invalid("truncated", null, "half an end", Buffer.concat([entryOf(good), blockOfZeros])),
  invalid(
    "truncated",
    null,
    "a file that is cut",
    tarOf([{ name: "a", content: Buffer.alloc(4096) }]).subarray(0, 1500),
  ),
  invalid("truncated", null, "a header that is cut", tarOf([good]).subarray(0, 300)),
  invalid("truncated", null, "an end that is no block", Buffer.concat([tarOf([good]), Buffer.alloc(100)])),
  invalid(
    "trailing_data",
    null,
    "an archive behind the end: GNU tar -i and others read on",
    Buffer.concat([tarOf([good]), tarOf([{ name: "b" }])]),
  ),
  invalid("trailing_data", null, "bytes behind the end", Buffer.concat([tarOf([good]), Buffer.alloc(511), x])),
  invalid(
    "lone_zero_block",
    2,
    "entries behind one block of zeros",
    Buffer.concat([entryOf(good), blockOfZeros, tarOf([{ name: "b" }])]),
  ),
  invalid("format", null, "text", Buffer.alloc(2048, "not a tar. ")),
];
