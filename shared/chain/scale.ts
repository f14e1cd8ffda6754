/** SCALE encodings this project writes and reads by hand (the reveal payload, storage of the development chain). */

/** Little-endian, 2 bytes. */
export function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  new DataView(bytes.buffer).setUint16(0, value, true);
  return bytes;
}

/** Little-endian, 4 bytes. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** Little-endian, 8 bytes. */
export function u64(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Big-endian, 8 bytes: how Drand hashes round numbers. */
export function u64be(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), false);
  return bytes;
}

/** SCALE's compact integer. */
export function compact(value: bigint | number): Uint8Array {
  const n = BigInt(value);
  if (n < 1n << 6n) return Uint8Array.of(Number(n) << 2);
  if (n < 1n << 14n) return u16((Number(n) << 2) | 1);
  if (n < 1n << 30n) return u32(Number(n) * 4 + 2);
  const digits: number[] = [];
  for (let rest = n; rest > 0n; rest >>= 8n) digits.push(Number(rest & 0xffn));
  while (digits.length < 4) digits.push(0);
  return Uint8Array.of(((digits.length - 4) << 2) | 3, ...digits);
}

/** One array of all the bytes. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** A `Vec<T>` of already encoded items. */
export function vec(items: readonly Uint8Array[]): Uint8Array {
  return join(compact(items.length), ...items);
}

/** A `Vec<u8>`. */
export function blob(bytes: Uint8Array): Uint8Array {
  return join(compact(bytes.length), bytes);
}

/** Reads SCALE from front to back. @throws RangeError when the bytes end early */
export class ScaleReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.bytes.length - this.#offset;
  }

  take(length: number): Uint8Array {
    if (length > this.rest) throw new RangeError(`expected ${length} more bytes, ${this.rest} are left`);
    const part = this.bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    return part;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  compact(): number {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return first >> 2;
    if (mode === 1) return (first >> 2) | (this.u8() << 6);
    if (mode === 2) return ((first >> 2) | (this.u8() << 6) | (this.u16() << 14)) >>> 0;
    let value = 0n;
    const length = (first >> 2) + 4;
    for (const [index, byte] of this.take(length).entries()) value |= BigInt(byte) << BigInt(8 * index);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError("compact integer out of range");
    return Number(value);
  }

  list<T>(item: (reader: ScaleReader) => T): T[] {
    const length = this.compact();
    if (length > this.bytes.length)
      throw new RangeError(`a list of ${length} items cannot fit ${this.bytes.length} bytes`);
    return Array.from({ length }, () => item(this));
  }

  #advance(length: number): number {
    const at = this.#offset;
    this.take(length);
    return at;
  }
}
