import { inflateRawSync } from "node:zlib";
import type { ArchiveLimits } from "../archive-limits.ts";
import { damaged, gzipHeaderBytes, trailer_bytes, truncated, verifyTrailer } from "./gzip-member.ts";
import { checkRatio, type Input } from "./input.ts";
import { RawInflate } from "./raw-inflate.ts";

const chunk_bytes_min = 16 * 1024;

/** The plain bytes of a gzip stream in one piece, or null where they are more than `bytes_max`. Throws ArchiveError. */
export function gunzipSmall(bytes: Uint8Array, bytes_max: number, limits: ArchiveLimits): Uint8Array | null {
  const start = gzipHeaderBytes(bytes, limits.header_bytes_max);
  const inflated = inflateSmall(bytes.subarray(start), bytes_max);
  if (inflated === null) return null;
  const { plain, consumed_bytes } = inflated;
  checkRatio(plain.length, bytes.length, limits);
  verifyTrailer(bytes.subarray(start + consumed_bytes), Bun.hash.crc32(plain), plain.length);
  return plain;
}

function inflateSmall(deflated: Uint8Array, bytes_max: number): { plain: Uint8Array; consumed_bytes: number } | null {
  try {
    // With `info` the answer is an object; the types don't know. Its engine tells how much was read.
    const { buffer, engine } = inflateRawSync(deflated, {
      info: true,
      maxOutputLength: bytes_max,
      chunkSize: chunkBytesFor(deflated, bytes_max),
    }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
    return { plain: buffer, consumed_bytes: engine.bytesWritten };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE") return null;
    if (code === "Z_BUF_ERROR") throw truncated();
    if (code?.startsWith("Z_")) throw damaged();
    throw error;
  }
}

/** One piece of memory for all the output is four times as fast as many; the trailer says how much, if it is honest. */
function chunkBytesFor(deflated: Uint8Array, bytes_max: number): number {
  const end = deflated.length;
  if (end < trailer_bytes) return chunk_bytes_min;
  const claimed = new DataView(deflated.buffer, deflated.byteOffset, end).getUint32(end - 4, true);
  return Math.min(Math.max(claimed + 1, chunk_bytes_min), bytes_max);
}

/** The plain bytes of a gzip stream of any size, in constant memory. Throws ArchiveError. */
export async function* gunzip(input: Input, limits: ArchiveLimits): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = new RawInflate();
  const head = await input.readAtLeast(limits.header_bytes_max + 1);
  let crc = 0;
  let expanded_bytes = 0;
  let chunk = head.subarray(gzipHeaderBytes(head, limits.header_bytes_max));
  try {
    while (inflate.left_bytes === 0) {
      for await (const plain of inflate.write(chunk)) {
        expanded_bytes += plain.length;
        checkRatio(expanded_bytes, input.bytes, limits);
        crc = Bun.hash.crc32(plain, crc);
        yield plain;
      }
      if (inflate.left_bytes > 0) break;
      const next = await input.next();
      // A stream that ends without a byte to spare has no trailer, whether or not its deflate part is whole.
      if (next === null) throw truncated();
      chunk = next;
    }
    const rest = chunk.subarray(chunk.length - inflate.left_bytes);
    verifyTrailer(await input.readAtLeast(trailer_bytes + 1, rest), crc, expanded_bytes);
  } finally {
    inflate.destroy();
  }
}
