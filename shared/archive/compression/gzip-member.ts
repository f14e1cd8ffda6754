import { invalid, overLimit } from "../archive-error.ts";

/** RFC 1952 §2.3: the frame around the one deflate stream that we take. */
export const trailer_bytes = 8;

const flag = { header_crc: 0x02, extra: 0x04, name: 0x08, comment: 0x10, reserved: 0xe0 } as const;

/** The length of the gzip header at the start of `bytes`, which is the whole archive or more than `header_bytes_max`. */
export function gzipHeaderBytes(bytes: Uint8Array, header_bytes_max: number): number {
  if (bytes.length < 10) throw truncated();
  const flags = bytes[3] as number;
  if (bytes[2] !== 8 || (flags & flag.reserved) !== 0) throw invalid("gzip_header", "gzip header with unknown bits");
  let at = 10;
  if (flags & flag.extra) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  if (flags & flag.name) at = afterNul(bytes, at);
  if (flags & flag.comment) at = afterNul(bytes, at);
  if (flags & flag.header_crc) at += 2;
  if (at > header_bytes_max) throw overLimit("header_bytes", "gzip header too large", header_bytes_max);
  if (at > bytes.length) throw truncated();
  return at;
}

function afterNul(bytes: Uint8Array, start: number): number {
  const nul = bytes.indexOf(0, start);
  return nul === -1 ? bytes.length + 1 : nul + 1;
}

/**
 * Checks what follows the deflate stream: its checksum, its length, then nothing. A second member or padding is refused:
 * some readers go on there and some stop, so they see different archives.
 */
export function verifyTrailer(trailer: Uint8Array, crc: number, expanded_bytes: number): void {
  if (trailer.length < trailer_bytes) throw truncated();
  if (trailer.length > trailer_bytes) throw trailingData();
  const view = new DataView(trailer.buffer, trailer.byteOffset, trailer_bytes);
  if (view.getUint32(0, true) !== crc) throw invalid("gzip_checksum", "gzip checksum does not match");
  if (view.getUint32(4, true) !== expanded_bytes % 2 ** 32) throw invalid("gzip_length", "gzip length does not match");
}

export const trailingData = () => invalid("gzip_trailing_data", "data after the gzip stream");
export const truncated = () => invalid("gzip_truncated", "gzip stream ends before its end");
export const damaged = () => invalid("gzip_data", "damaged gzip stream");
