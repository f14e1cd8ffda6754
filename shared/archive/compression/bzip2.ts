import { Bits } from "./bits.ts";
import { readBlock, unsorted } from "./bzip2-block.ts";
import { damagedStream, trailingStream } from "./stream-error.ts";

const form = "bzip2";
const piece_bytes = 64 * 1024;
const magic = { block: 0x314159265359, end: 0x177245385090 } as const;

/**
 * The plain bytes of a bzip2 stream, in pieces. A second stream behind the first is read on, as every reader does:
 * pbzip2 and lbzip2 write many.
 *
 * Our own because the packages are not fit: unbzip2-stream 1.4.3 and seek-bzip 2.0.0 write for ever at a run whose length
 * overflows 31 bits (`bzip2: a run that never ends` in test/unit/shared/archive/archive-compressed.test.ts), and the first holds a
 * block's output, up to 46 MB, as an array of numbers. A block needs 3.6 MB here, whatever it expands to.
 */
export function* bunzip2(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const bits = new Bits(bytes, form);
  do {
    if (bits.read(24) !== 0x425a68) throw trailingStream(form);
    const level = bits.read(8) - 0x30;
    if (level < 1 || level > 9) throw damagedStream(form);
    yield* oneStream(bits, 100_000 * level);
    bits.align();
  } while (!bits.isAtEnd);
}

function* oneStream(bits: Bits, block_bytes_max: number): Generator<Uint8Array, void, undefined> {
  let stream_crc = 0;
  for (;;) {
    const kind = bits.read(24) * 2 ** 24 + bits.read(24);
    const crc = bits.read32();
    if (kind === magic.end) {
      if (crc !== stream_crc) throw damagedStream(form);
      return;
    }
    if (kind !== magic.block) throw damagedStream(form);
    stream_crc = (((stream_crc << 1) | (stream_crc >>> 31)) ^ crc) >>> 0;
    yield* expanded(unsorted(readBlock(bits, block_bytes_max)), crc);
  }
}

/** Undoes the first step of compression: four equal bytes are followed by how many more there are. */
function* expanded(bytes: Uint8Array, expected_crc: number): Generator<Uint8Array, void, undefined> {
  let piece = new Uint8Array(piece_bytes);
  let used = 0;
  let run = 0;
  let last = -1;
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    const copies = run === 4 ? byte : 1;
    const value = run === 4 ? last : byte;
    if (run === 4) run = 0;
    else run = byte === last ? run + 1 : 1;
    last = run === 0 ? -1 : byte;
    if (used + copies > piece_bytes) {
      yield piece.subarray(0, used);
      piece = new Uint8Array(piece_bytes);
      used = 0;
    }
    for (let copy = 0; copy < copies; copy++) {
      piece[used++] = value;
      crc = (crc << 8) ^ (crc_table[(crc >>> 24) ^ value] as number);
    }
  }
  if (~crc >>> 0 !== expected_crc) throw damagedStream(form);
  if (used > 0) yield piece.subarray(0, used);
}

/** CRC-32 with its bits in the other order than gzip's. */
const crc_table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});
