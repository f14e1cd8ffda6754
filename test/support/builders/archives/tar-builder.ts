/** One entry of a test's archive. Every field may be wrong on purpose. */
export interface TarEntry {
  readonly name: string | Uint8Array;
  /** A typeflag; "0" unless the name ends with a slash. */
  readonly type?: string;
  readonly content?: Uint8Array;
  readonly mode?: number;
  readonly mtime?: number;
  readonly uid?: number;
  readonly link?: string;
  readonly prefix?: string | Uint8Array;
  /** By default "ustar\0" + "00". */
  readonly magic?: string;
  /** The size in the header, by default the content's. Text is written unchanged. */
  readonly size?: number | string;
  /** Called with the header block before its checksum is written. */
  readonly edit?: (block: Buffer) => void;
  /** Called with the header block after its checksum was written. */
  readonly damage?: (block: Buffer) => void;
}

export const blockOfZeros = Buffer.alloc(512);
export const gnuMagic = "ustar  \0";

const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;

/** The blocks of one entry: header, content, padding. */
export function entryOf(entry: TarEntry): Buffer {
  const content = Buffer.from(entry.content ?? new Uint8Array(0));
  const name = Buffer.from(entry.name as string);
  const block = Buffer.alloc(512);
  name.copy(block, 0, 0, 100);
  block.write(octal(entry.mode ?? 0o644, 8), 100, "latin1");
  block.write(octal(entry.uid ?? 1000, 8), 108, "latin1");
  block.write(octal(1000, 8), 116, "latin1");
  const size = entry.size ?? content.length;
  block.write(typeof size === "string" ? size : octal(size, 12), 124, "latin1");
  block.write(octal(entry.mtime ?? 1_700_000_000, 12), 136, "latin1");
  block.write(entry.type ?? (name.at(-1) === 0x2f ? "5" : "0"), 156, "latin1");
  block.write(entry.link ?? "", 157);
  block.write(entry.magic ?? "ustar\x0000", 257, "latin1");
  Buffer.from((entry.prefix ?? "") as string).copy(block, 345, 0, 155);
  entry.edit?.(block);
  sealHeader(block);
  entry.damage?.(block);
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Writes the checksum of a header block. */
export function sealHeader(block: Buffer): void {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

/** A whole archive with its end. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.map(entryOf), blockOfZeros, blockOfZeros]);
}

/** A PAX header with these records. */
export function paxEntry(records: Readonly<Record<string, string | Uint8Array>>, type = "x"): TarEntry {
  const parts = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return { name: "PaxHeaders/x", type, content: Buffer.concat(parts) };
}

/** `<length> <key>=<value>\n` */
export function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A GNU long name. */
export function longNameEntry(name: string, type = "L"): TarEntry {
  return { name: "././@LongLink", type, magic: gnuMagic, content: Buffer.from(`${name}\0`) };
}
