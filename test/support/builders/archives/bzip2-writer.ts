/** Writes bits, the highest of each byte first. */
export class BitWriter {
  readonly #bits: number[] = [];

  write(value: number, bits: number): this {
    for (let bit = bits - 1; bit >= 0; bit--) this.#bits.push(Math.floor(value / 2 ** bit) % 2);
    return this;
  }

  bytes(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    for (const [i, bit] of this.#bits.entries()) bytes[i >> 3] = (bytes[i >> 3] as number) | (bit << (7 - (i & 7)));
    return bytes;
  }
}

/** A bzip2 stream of one block: right, and as simple as the format allows: all codes have one length. */
export function bzip2Of(content: Uint8Array): Buffer {
  const out = new BitWriter().write(0x425a68, 24).write(0x39, 8);
  let stream_crc = 0;
  if (content.length > 0) {
    stream_crc = crcOf(content);
    writeBlock(out, content, stream_crc);
  }
  return out.write(0x177245, 24).write(0x385090, 24).write(stream_crc, 32).bytes();
}

/** The head of a block up to its symbols, for blocks that are wrong; its code has `2 ** code_bits` symbols at most. */
export function blockHead(out: BitWriter, crc: number, origin: number, used: readonly number[]): { code_bits: number } {
  out.write(0x314159, 24).write(0x265359, 24).write(crc, 32).write(0, 1).write(origin, 24);
  const rows = Array.from({ length: 16 }, (_, row) => used.filter((byte) => byte >> 4 === row));
  for (const row of rows) out.write(row.length > 0 ? 1 : 0, 1);
  for (const row of rows.filter(({ length }) => length > 0))
    for (let column = 0; column < 16; column++) out.write(row.some((byte) => (byte & 15) === column) ? 1 : 0, 1);
  return { code_bits: Math.max(1, Math.ceil(Math.log2(used.length + 2))) };
}

function writeBlock(out: BitWriter, content: Uint8Array, crc: number): void {
  const plain = withRuns(content);
  const { sorted, origin } = sortedOf(plain);
  const used = [...new Set(plain)].sort((a, b) => a - b);
  const symbols = symbolsOf(sorted, used);
  const { code_bits } = blockHead(out, crc, origin, used);
  writeSymbols(out, symbols, used.length + 2, code_bits);
}

/** Two equal codes of one length, and the symbols in them. */
export function writeSymbols(out: BitWriter, symbols: readonly number[], alphabet: number, code_bits: number): void {
  const selectors = Math.ceil(symbols.length / 50);
  out.write(2, 3).write(selectors, 15);
  for (let i = 0; i < selectors; i++) out.write(0, 1);
  for (let table = 0; table < 2; table++) {
    out.write(code_bits, 5);
    for (let i = 0; i < alphabet; i++) out.write(0, 1);
  }
  for (const symbol of symbols) out.write(symbol, code_bits);
}

function withRuns(content: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < content.length; ) {
    let run = 1;
    while (run < 255 + 4 && content[i + run] === content[i]) run++;
    out.push(...new Array<number>(Math.min(run, 4)).fill(content[i] as number));
    if (run >= 4) out.push(run - 4);
    i += run;
  }
  return Uint8Array.from(out);
}

function sortedOf(plain: Uint8Array): { sorted: Uint8Array; origin: number } {
  const twice = Buffer.concat([plain, plain]);
  const n = plain.length;
  const order = Array.from({ length: n }, (_, i) => i);
  order.sort((a, b) => twice.compare(twice, b, b + n, a, a + n) || a - b);
  return { sorted: Uint8Array.from(order, (i) => twice[i + n - 1] as number), origin: order.indexOf(0) };
}

function symbolsOf(sorted: Uint8Array, used: readonly number[]): number[] {
  const recent = [...used];
  const symbols: number[] = [];
  let run = 0;
  const flush = () => {
    for (let left = run; left > 0; left = (left - 1) >> 1) symbols.push((left - 1) & 1);
    run = 0;
  };
  for (const byte of sorted) {
    const place = recent.indexOf(byte);
    if (place === 0) {
      run++;
      continue;
    }
    flush();
    symbols.push(place + 1);
    recent.unshift(...recent.splice(place, 1));
  }
  flush();
  symbols.push(used.length + 1);
  return symbols;
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return ~crc >>> 0;
}
