import { inflateRawSync } from "node:zlib";
import { overLimit } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import { damaged, gzipHeaderBytes, isGzip, trailer_bytes, truncated, verifyTrailer } from "./gzip-member.ts";
import { RawInflate } from "./raw-inflate.ts";

/** Up to here an archive is taken in one synchronous piece, which is several times faster and blocks for a few ms at most. */
export const small_compressed_bytes_max = 512 * 1024;
export const small_expanded_bytes_max = 4 * 1024 * 1024;
const chunk_bytes_min = 16 * 1024;

/** The plain bytes of a gzipped or plain archive in one piece, or null where they are not small. Throws ArchiveError. */
export function expandSmall(bytes: Uint8Array, limits: ArchiveLimits): Uint8Array | null {
  if (bytes.length > limits.compressed_bytes_max) throw tooLarge();
  if (!isGzip(bytes)) return bytes;
  const start = gzipHeaderBytes(bytes, limits.header_bytes_max);
  const inflated = inflateSmall(bytes.subarray(start));
  if (inflated === null) return null;
  checkRatio(inflated.plain.length, bytes.length, limits);
  verifyTrailer(bytes.subarray(start + inflated.consumed_bytes), Bun.hash.crc32(inflated.plain), inflated.plain.length);
  return inflated.plain;
}

function inflateSmall(deflated: Uint8Array): { plain: Uint8Array; consumed_bytes: number } | null {
  try {
    // With `info` the answer is an object; the types don't know. Its engine tells how much was read.
    const { buffer, engine } = inflateRawSync(deflated, {
      info: true,
      maxOutputLength: small_expanded_bytes_max,
      chunkSize: chunkBytesFor(deflated),
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
function chunkBytesFor(deflated: Uint8Array): number {
  const end = deflated.length;
  if (end < trailer_bytes) return chunk_bytes_min;
  const claimed = new DataView(deflated.buffer, deflated.byteOffset, end).getUint32(end - 4, true);
  return Math.min(Math.max(claimed + 1, chunk_bytes_min), small_expanded_bytes_max);
}

/** The plain bytes of a gzipped or plain archive of any size, as a stream in constant memory. Throws ArchiveError. */
export async function* expandStream(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const meter: Meter = { compressed_bytes: 0 };
  const chunks = metered(source, meter, limits);
  try {
    const head = await readAtLeast(chunks, limits.header_bytes_max + 1);
    if (isGzip(head)) {
      yield* gunzip(head, chunks, meter, limits);
    } else {
      if (head.length > 0) yield head;
      yield* chunks;
    }
  } finally {
    await chunks.return();
  }
}

type Meter = { compressed_bytes: number };
type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

async function* metered(source: AsyncIterable<Uint8Array>, meter: Meter, limits: ArchiveLimits): Chunks {
  for await (const chunk of source) {
    meter.compressed_bytes += chunk.length;
    if (meter.compressed_bytes > limits.compressed_bytes_max) throw tooLarge();
    if (chunk.length > 0) yield chunk;
  }
}

async function* gunzip(head: Uint8Array, chunks: Chunks, meter: Meter, limits: ArchiveLimits): Chunks {
  const inflate = new RawInflate();
  let crc = 0;
  let expanded_bytes = 0;
  let chunk = head.subarray(gzipHeaderBytes(head, limits.header_bytes_max));
  try {
    while (inflate.left_bytes === 0) {
      for await (const plain of inflate.write(chunk)) {
        expanded_bytes += plain.length;
        checkRatio(expanded_bytes, meter.compressed_bytes, limits);
        crc = Bun.hash.crc32(plain, crc);
        yield plain;
      }
      if (inflate.left_bytes > 0) break;
      const next = await chunks.next();
      // A stream that ends without a byte to spare has no trailer, whether or not its deflate part is whole.
      if (next.done) throw truncated();
      chunk = next.value;
    }
    const rest = chunk.subarray(chunk.length - inflate.left_bytes);
    verifyTrailer(await readAtLeast(chunks, trailer_bytes + 1, rest), crc, expanded_bytes);
  } finally {
    inflate.destroy();
  }
}

/** `start` and what follows, until that is at least `wanted_bytes` or all there is. */
export async function readAtLeast(
  chunks: AsyncIterator<Uint8Array>,
  wanted_bytes: number,
  start?: Uint8Array,
): Promise<Uint8Array> {
  const parts = start === undefined ? [] : [start];
  for (let bytes = start?.length ?? 0; bytes < wanted_bytes; ) {
    const next = await chunks.next();
    if (next.done) break;
    parts.push(next.value);
    bytes += next.value.length;
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

function checkRatio(expanded_bytes: number, compressed_bytes: number, limits: ArchiveLimits): void {
  if (expanded_bytes <= limits.ratio_free_bytes_max) return;
  if (expanded_bytes > compressed_bytes * limits.ratio_max) throw overLimit("ratio", "archive expands too much");
}

const tooLarge = () => overLimit("compressed_bytes", "archive too large");
