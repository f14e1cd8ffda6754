import { constants, createZstdDecompress } from "node:zlib";
import { damagedStream, largeWindow, trailingStream, truncatedStream } from "./stream-error.ts";
import { decoderTurns } from "./turns.ts";

const form = "zstd";
const piece_bytes = 64 * 1024;

/** The plain bytes of one zstd frame, in pieces. */
export async function* unzstd(
  bytes: Uint8Array,
  window_bytes_max: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  checkFrame(bytes, window_bytes_max);
  const endTurn = await decoderTurns.take();
  const windowLog = Math.floor(Math.log2(window_bytes_max));
  const decoder = createZstdDecompress({
    chunkSize: piece_bytes,
    params: { [constants.ZSTD_d_windowLogMax]: windowLog },
  });
  try {
    decoder.end(bytes);
    for await (const plain of decoder) yield plain;
  } catch (error) {
    if (String((error as NodeJS.ErrnoException).code).startsWith("ZSTD_")) throw damagedStream(form);
    throw error;
  } finally {
    decoder.destroy();
    endTurn();
  }
}

/**
 * Walks over a frame's blocks (RFC 8878 §3.1.1): the decoder takes a frame that is cut for a whole one, and reads on
 * behind the first.
 */
function checkFrame(bytes: Uint8Array, window_bytes_max: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    const { window_bytes, header_bytes, hasChecksum } = frameHeader(view);
    if (window_bytes > window_bytes_max) throw largeWindow(form, window_bytes_max);
    let at = header_bytes;
    for (let isLast = false; !isLast; ) {
      const block = view.getUint16(at, true) + 65_536 * view.getUint8(at + 2);
      isLast = (block & 1) === 1;
      const isRepeated = ((block >> 1) & 3) === 1;
      at += 3 + (isRepeated ? 1 : block >> 3);
    }
    if (hasChecksum) at += 4;
    if (at > bytes.length) throw truncatedStream(form);
    if (at < bytes.length) throw trailingStream(form);
  } catch (cause) {
    // The walk led behind the end.
    if (cause instanceof RangeError) throw truncatedStream(form);
    throw cause;
  }
}

function frameHeader(view: DataView) {
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw damagedStream(form);
  const dictionary_bytes = [0, 1, 2, 4][descriptor & 3] as number;
  const size_flag = descriptor >> 6;
  const size_bytes = size_flag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** size_flag;
  const size_at = 5 + (isSingleSegment ? 0 : 1) + dictionary_bytes;
  return {
    window_bytes: isSingleSegment ? contentSize(view, size_at, size_bytes) : windowSize(view.getUint8(5)),
    header_bytes: size_at + size_bytes,
    hasChecksum: (descriptor & 0x04) !== 0,
  };
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
