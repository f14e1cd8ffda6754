import { gzipSync } from "node:zlib";
import { tarOf } from "../tar-builder.ts";
import { good, type HostileArchive, invalid, x } from "./hostile-archive.ts";

const plain = tarOf([good]);
const zipped = gzipSync(plain);
const withByte = (at: number, byte: number) => {
  const copy = Buffer.from(zipped);
  copy[at < 0 ? copy.length + at : at] = byte;
  return copy;
};
const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

export const gzips: readonly HostileArchive[] = [
  invalid("gzip_truncated", null, "gzip: only its magic", Buffer.from([0x1f, 0x8b])),
  invalid("gzip_truncated", null, "gzip: only a header", gzipHeader),
  invalid("gzip_truncated", null, "gzip: no trailer", zipped.subarray(0, -8)),
  invalid("gzip_truncated", null, "gzip: half a trailer", zipped.subarray(0, -3)),
  invalid("gzip_truncated", null, "gzip: half of its data", zipped.subarray(0, 30)),
  invalid(
    "gzip_truncated",
    null,
    "gzip: a file name without end",
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(64, 0x61)]),
  ),
  invalid("gzip_checksum", null, "gzip: another checksum", withByte(-6, (zipped.at(-6) ?? 0) ^ 1)),
  invalid("gzip_length", null, "gzip: another length", withByte(-2, 9)),
  invalid("gzip_header", null, "gzip: an unknown method", withByte(2, 7)),
  invalid("gzip_header", null, "gzip: reserved flags", withByte(3, 0x80)),
  invalid("gzip_data", null, "gzip: a broken deflate stream", Buffer.concat([gzipHeader, Buffer.alloc(64, 0xff)])),
  invalid(
    "gzip_trailing_data",
    null,
    "gzip: a second member, which some readers read and some don't",
    Buffer.concat([zipped, gzipSync(tarOf([{ name: "b" }]))]),
  ),
  invalid("gzip_trailing_data", null, "gzip: bytes behind the end", Buffer.concat([zipped, x])),
  invalid("gzip_trailing_data", null, "gzip: NULs behind the end", Buffer.concat([zipped, Buffer.alloc(512)])),
  invalid("format", null, "gzip inside of gzip", gzipSync(Buffer.concat([zipped, Buffer.alloc(1024, 7)]))),
  {
    name: "gzip: a hostile tar inside",
    bytes: gzipSync(tarOf([good, { name: "../x", content: x }])),
    kind: "unsafe",
    code: "name_parent",
    entry: 2,
  },
];
