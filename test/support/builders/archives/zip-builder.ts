import { deflateRawSync } from "node:zlib";

/** One header's numbers of a zip made for a test; every one may be wrong on purpose. */
interface ZipNumbers {
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly compressed_bytes?: number;
  readonly size_bytes?: number;
  readonly name?: string | Uint8Array;
  readonly extra?: Uint8Array;
}

export interface ZipFile extends ZipNumbers {
  readonly name: string | Uint8Array;
  readonly content?: Uint8Array;
  /** Bytes as they stand in the zip, where they are not what the method makes of the content. */
  readonly compressed?: Uint8Array;
  /** Unix mode with its kind, for example 0o100644; without one the zip comes from MS-DOS. */
  readonly mode?: number;
  /** Whether it is written as to a pipe, its sizes behind it. */
  readonly isPiped?: boolean;
  /** What the local header says instead. */
  readonly local?: ZipNumbers;
  /** What the directory says instead. */
  readonly central?: ZipNumbers & { readonly offset?: number };
  /** Bytes before its local header. */
  readonly gap?: Uint8Array;
}

export interface ZipOptions {
  readonly comment?: Uint8Array;
  readonly before_directory?: Uint8Array;
  readonly after_directory?: Uint8Array;
  readonly end?: (record: Buffer) => void;
}

/** A whole zip. */
export function zipOf(files: readonly ZipFile[], options: ZipOptions = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  const add = (bytes: Uint8Array) => {
    parts.push(Buffer.from(bytes));
    offset += bytes.length;
  };
  for (const file of files) {
    add(file.gap ?? new Uint8Array(0));
    const at = offset;
    const all = numbersOf(file);
    const later = file.isPiped ? { crc: 0, compressed_bytes: 0, size_bytes: 0 } : {};
    add(localHeader({ ...all, ...later, ...file.local }));
    add(all.compressed);
    if (file.isPiped) add(descriptor(all));
    directory.push(centralHeader({ ...all, offset: at, ...file.central }, file.mode));
  }
  add(options.before_directory ?? new Uint8Array(0));
  const start = offset;
  for (const header of directory) add(header);
  const directory_bytes = offset - start;
  add(options.after_directory ?? new Uint8Array(0));
  add(endRecord(files.length, directory_bytes, start, options));
  return Buffer.concat(parts);
}

type Numbers = Required<ZipNumbers>;

function numbersOf(file: ZipFile): Numbers & { readonly compressed: Uint8Array } {
  const content = file.content ?? new Uint8Array(0);
  const method = file.method ?? 8;
  const compressed = file.compressed ?? (method === 8 ? deflateRawSync(content) : content);
  return {
    name: file.name,
    flags: (file.flags ?? 0x0800) | (file.isPiped ? 8 : 0),
    method,
    crc: file.crc ?? Bun.hash.crc32(content),
    compressed_bytes: file.compressed_bytes ?? compressed.length,
    size_bytes: file.size_bytes ?? content.length,
    extra: file.extra ?? new Uint8Array(0),
    compressed,
  };
}

function localHeader({ name, extra, ...numbers }: Numbers): Buffer {
  const text = Buffer.from(name as string);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  shared(header, 6, numbers);
  header.writeUInt16LE(text.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, text, extra]);
}

function centralHeader({ name, extra, offset, ...numbers }: Numbers & { offset: number }, mode?: number): Buffer {
  const text = Buffer.from(name as string);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt8(20, 4);
  header.writeUInt8(mode === undefined ? 0 : 3, 5);
  header.writeUInt16LE(20, 6);
  shared(header, 8, numbers);
  header.writeUInt16LE(text.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(((mode ?? 0) * 65_536) >>> 0, 38);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, text, extra]);
}

/** Flags, method, time, checksum and sizes stand in the same order in both headers. */
function shared(header: Buffer, at: number, numbers: Omit<Numbers, "name" | "extra">): void {
  header.writeUInt16LE(numbers.flags, at);
  header.writeUInt16LE(numbers.method, at + 2);
  header.writeUInt32LE(0x58210000, at + 4);
  header.writeUInt32LE(numbers.crc, at + 8);
  header.writeUInt32LE(numbers.compressed_bytes, at + 12);
  header.writeUInt32LE(numbers.size_bytes, at + 16);
}

function descriptor({ crc, compressed_bytes, size_bytes }: Numbers): Buffer {
  const bytes = Buffer.alloc(16);
  for (const [i, number] of [0x08074b50, crc, compressed_bytes, size_bytes].entries())
    bytes.writeUInt32LE(number, 4 * i);
  return bytes;
}

function endRecord(count: number, directory_bytes: number, start: number, { comment, end }: ZipOptions): Buffer {
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(directory_bytes, 12);
  record.writeUInt32LE(start, 16);
  record.writeUInt16LE(comment?.length ?? 0, 20);
  end?.(record);
  return Buffer.concat([record, comment ?? Buffer.alloc(0)]);
}
