import type { Bits } from "./bits.ts";
import { damagedStream } from "./stream-error.ts";

const code_bits_max = 20;
const group_symbols = 50;

/** A block as it was sorted: its bytes, and where the first of them stands. */
interface SortedBlock {
  readonly bytes: Uint8Array;
  readonly origin: number;
}

/** A Huffman code: for each length the largest code, what to take away from a code, and the symbols in their order. */
interface Code {
  readonly bits_min: number;
  readonly bits_max: number;
  readonly limit: Int32Array;
  readonly base: Int32Array;
  readonly symbols: Uint16Array;
}

/** Reads one block behind its magic and checksum (the format as bzip2 1.0.8 writes it). Throws ArchiveError. */
export function readBlock(bits: Bits, block_bytes_max: number): SortedBlock {
  // Blocks that are shuffled have not been written since 1997.
  if (bits.read(1) !== 0) throw damaged();
  const origin = bits.read(24);
  const used = readUsedBytes(bits);
  const groups = bits.read(3);
  if (groups < 2 || groups > 6) throw damaged();
  const selectors = readSelectors(bits, groups);
  const codes = Array.from({ length: groups }, () => readCode(bits, used.length + 2));
  const bytes = readSymbols({ bits, used, selectors, codes }, block_bytes_max);
  if (origin >= bytes.length) throw damaged();
  return { bytes, origin };
}

/** Undoes the sorting (Burrows and Wheeler). */
export function unsorted({ bytes, origin }: SortedBlock): Uint8Array {
  const starts = new Uint32Array(257);
  for (let i = 0; i < bytes.length; i++) {
    const next = (bytes[i] as number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let i = 1; i < 257; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number);
  const following = new Uint32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    const place = starts[byte] as number;
    following[place] = i;
    starts[byte] = place + 1;
  }
  const plain = new Uint8Array(bytes.length);
  for (let i = 0, at = following[origin] as number; i < plain.length; i++) {
    plain[i] = bytes[at] as number;
    at = following[at] as number;
  }
  return plain;
}

/** Which bytes occur at all, in their order. */
function readUsedBytes(bits: Bits): Uint8Array {
  const rows = bits.read(16);
  const used: number[] = [];
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >> row)) === 0) continue;
    const columns = bits.read(16);
    for (let column = 0; column < 16; column++) if (columns & (0x8000 >> column)) used.push(16 * row + column);
  }
  if (used.length === 0) throw damaged();
  return Uint8Array.from(used);
}

/** Which code is used for each 50 symbols. */
function readSelectors(bits: Bits, groups: number): Uint8Array {
  const selectors = new Uint8Array(bits.read(15));
  if (selectors.length === 0) throw damaged();
  const recent = Uint8Array.from({ length: groups }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= groups) throw damaged();
    selectors[i] = toFront(recent, place);
  }
  return selectors;
}

function readCode(bits: Bits, symbols: number): Code {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > code_bits_max) throw damaged();
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return codeOf(lengths);
}

function codeOf(lengths: Uint8Array): Code {
  const bits_min = lengths.reduce((least, length) => Math.min(least, length));
  const bits_max = lengths.reduce((most, length) => Math.max(most, length));
  const limit = new Int32Array(code_bits_max + 1).fill(-1);
  const base = new Int32Array(code_bits_max + 1);
  const symbols = new Uint16Array(lengths.length);
  let next = 0;
  for (let bits = bits_min, code = 0; bits <= bits_max; bits++, code <<= 1) {
    base[bits] = code - next;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== bits) continue;
      symbols[next++] = symbol;
      code++;
    }
    limit[bits] = code - 1;
  }
  return { bits_min, bits_max, limit, base, symbols };
}

interface Symbols {
  readonly bits: Bits;
  readonly used: Uint8Array;
  readonly selectors: Uint8Array;
  readonly codes: readonly Code[];
}

/** Symbols 0 and 1 are the digits of a run's length; the last one ends the block; each other is a place in `recent`. */
function readSymbols({ bits, used, selectors, codes }: Symbols, block_bytes_max: number): Uint8Array {
  const recent = used.slice();
  const bytes = new Uint8Array(block_bytes_max);
  let count = 0;
  let run = 0;
  let run_digit = 1;
  for (let group = 0; group < selectors.length; group++) {
    const code = codes[selectors[group] as number] as Code;
    for (let i = 0; i < group_symbols; i++) {
      const symbol = readSymbol(bits, code);
      if (symbol < 2) {
        run += run_digit << symbol;
        run_digit *= 2;
        // A run no longer than a block: its length can't overflow, and each is written once.
        if (run > block_bytes_max - count) throw damaged();
        continue;
      }
      bytes.fill(recent[0] as number, count, count + run);
      count += run;
      run = 0;
      run_digit = 1;
      if (symbol === used.length + 1) return bytes.subarray(0, count);
      if (count === block_bytes_max) throw damaged();
      bytes[count++] = toFront(recent, symbol - 1);
    }
  }
  throw damaged();
}

function readSymbol(bits: Bits, { bits_min, bits_max, limit, base, symbols }: Code): number {
  let code = bits.read(bits_min);
  for (let length = bits_min; length <= bits_max; length++) {
    if (code <= (limit[length] as number)) {
      const symbol = symbols[code - (base[length] as number)];
      if (symbol === undefined) throw damaged();
      return symbol;
    }
    code = (code << 1) | bits.read(1);
  }
  throw damaged();
}

/** Answers what stands at a place, and puts it first. */
function toFront(recent: Uint8Array, place: number): number {
  const value = recent[place] as number;
  recent.copyWithin(1, 0, place);
  recent[0] = value;
  return value;
}

const damaged = () => damagedStream("bzip2");
