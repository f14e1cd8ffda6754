import { type ArchiveError, invalid } from "../archive-error.ts";
import type { ArchiveLimits } from "../archive-limits.ts";
import { tooMany } from "../name-registry.ts";

/** APPNOTE 6.3.10: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
const signature = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, descriptor: 0x08074b50 } as const;
const size = { local: 30, central: 46, end: 22 } as const;
const comment_bytes_max = 65_535;
/** A field that says "look in the zip64 extra field". */
const elsewhere = 0xffffffff;
export const zip_flag = {
  encrypted: 0x0001,
  descriptor: 0x0008,
  strong: 0x0040,
  utf8: 0x0800,
  masked: 0x2000,
} as const;
/** Bits that may differ between the two headers of an entry: how hard the deflate program tried. */
const effort = 0x0006;

/** One entry as the directory at a zip's end tells it, and its local header agrees. */
export interface ZipEntry {
  readonly name: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressed_bytes: number;
  readonly size_bytes: number;
  readonly offset: number;
  /** Who made it: 0 MS-DOS, 3 Unix, 19 macOS. */
  readonly host: number;
  readonly external_attributes: number;
  readonly extra: DataView;
}

/** An entry with its compressed bytes. */
export interface ZipMember extends ZipEntry {
  readonly compressed: Uint8Array;
}

/** A zip's bytes with what reads numbers of them. */
export interface ZipBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** The entries of a zip's directory, in the order in which they lie in the file. Throws ArchiveError. */
export function readDirectory(
  { bytes, view }: ZipBytes,
  limits: ArchiveLimits,
): { entries: ZipEntry[]; start: number } {
  const end = endRecord({ bytes, view });
  const count = view.getUint16(end + 10, true);
  const directory_bytes = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count === 0xffff || start === elsewhere || directory_bytes === elsewhere)
    throw invalid("zip_64", "zip64 directory, which only zips of more than 65,534 files or 4 GiB need");
  const disks = [view.getUint16(end + 4, true), view.getUint16(end + 6, true)];
  if (disks.some((disk) => disk !== 0) || view.getUint16(end + 8, true) !== count)
    throw invalid("zip_parts", "zip of many parts");
  if (count > limits.entries_max) throw tooMany(limits);
  // Bytes between the directory and its end, or before the first entry, are how one file is two zips.
  if (start + directory_bytes !== end)
    throw invalid("zip_directory", "zip with bytes between its directory and its end");
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const { entry, end: next } = centralEntry({ bytes, view }, at, end);
    entries.push(entry);
    at = next;
  }
  if (at !== end) throw invalid("zip_directory", "zip whose directory holds more than it says");
  return { entries: entries.sort((a, b) => a.offset - b.offset), start };
}

/**
 * Where the end's record stands: at the last signature, as for every reader. That there is no other zip in its comment, or
 * behind it, follows from what else is asked: it fills the rest of the file, and the directory stands right before it.
 */
function endRecord({ bytes, view }: ZipBytes): number {
  const last = bytes.length - size.end;
  for (let at = last; at >= 0 && at >= last - comment_bytes_max; at--) {
    if (view.getUint32(at, true) !== signature.end) continue;
    if (at + size.end + view.getUint16(at + 20, true) === bytes.length) return at;
    throw invalid("zip_trailing_data", "zip with bytes behind its end, or cut in its comment");
  }
  throw invalid("zip_truncated", "zip ends before its end");
}

function centralEntry({ bytes, view }: ZipBytes, at: number, limit: number): { entry: ZipEntry; end: number } {
  if (at + size.central > limit || view.getUint32(at, true) !== signature.central) throw broken();
  const name_bytes = view.getUint16(at + 28, true);
  const extra_bytes = view.getUint16(at + 30, true);
  const name_at = at + size.central;
  const end = name_at + name_bytes + extra_bytes + view.getUint16(at + 32, true);
  if (end > limit) throw broken();
  const extra = new DataView(view.buffer, view.byteOffset + name_at + name_bytes, extra_bytes);
  const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
  const [size_bytes, compressed_bytes, offset] = withZip64(sizes, extra) as [number, number, number];
  const entry = {
    name: bytes.subarray(name_at, name_at + name_bytes),
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    compressed_bytes,
    size_bytes,
    offset,
    host: view.getUint8(at + 5),
    external_attributes: view.getUint32(at + 38, true),
    extra,
  };
  return { entry, end };
}

/** Numbers that the zip64 extra field holds in the place of those that say "elsewhere", in their order (APPNOTE 4.5.3). */
function withZip64(numbers: readonly number[], extra: DataView): number[] {
  if (!numbers.includes(elsewhere)) return [...numbers];
  const field = extraField(extra, 0x0001);
  let at = 0;
  return numbers.map((number) => {
    if (number !== elsewhere) return number;
    if (field === null || at + 8 > field.byteLength) throw broken();
    at += 8;
    return Number(field.getBigUint64(at - 8, true));
  });
}

/** The extra field of this id, or null. Throws ArchiveError where the fields don't fill their place. */
export function extraField(extra: DataView, id: number): DataView | null {
  let found: DataView | null = null;
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const bytes = extra.getUint16(at + 2, true);
    if (at + 4 + bytes > extra.byteLength) throw broken();
    if (extra.getUint16(at, true) === id) {
      if (found !== null) throw broken();
      found = new DataView(extra.buffer, extra.byteOffset + at + 4, bytes);
    }
    at += 4 + bytes;
  }
  return found;
}

/**
 * An entry's compressed bytes, once its local header says what the directory says. `next` is where the entry behind it
 * begins: nothing may lie between, and nothing twice. Throws ArchiveError.
 */
export function readLocal(zip: ZipBytes, entry: ZipEntry, at: number, next: number): ZipMember {
  const { bytes, view } = zip;
  if (entry.offset !== at) throw invalid("zip_overlap", "zip whose entries overlap, or with bytes between them");
  if (at + size.local > next) throw invalid("zip_overlap", "zip whose entries overlap");
  if (view.getUint32(at, true) !== signature.local) throw broken();
  const name_bytes = view.getUint16(at + 26, true);
  const extra_bytes = view.getUint16(at + 28, true);
  const data_at = at + size.local + name_bytes + extra_bytes;
  const data_end = data_at + entry.compressed_bytes;
  if (data_end > next) throw invalid("zip_overlap", "zip whose entries overlap");
  const name = bytes.subarray(at + size.local, at + size.local + name_bytes);
  const extra = new DataView(view.buffer, view.byteOffset + data_at - extra_bytes, extra_bytes);
  checkLocal(view, at, entry, extra);
  if (!Buffer.from(name).equals(entry.name)) throw differs("name");
  checkDescriptor(view, entry, data_end, next);
  return { ...entry, compressed: bytes.subarray(data_at, data_end) };
}

function checkLocal(view: DataView, at: number, entry: ZipEntry, extra: DataView): void {
  if (((view.getUint16(at + 6, true) ^ entry.flags) & ~effort) !== 0) throw differs("flags");
  if (view.getUint16(at + 8, true) !== entry.method) throw differs("method");
  const crc = view.getUint32(at + 14, true);
  const [size_bytes, compressed_bytes] = withZip64(
    [view.getUint32(at + 22, true), view.getUint32(at + 18, true)],
    extra,
  );
  const isSame = crc === entry.crc && size_bytes === entry.size_bytes && compressed_bytes === entry.compressed_bytes;
  const isLater = (entry.flags & zip_flag.descriptor) !== 0 && crc === 0 && size_bytes === 0 && compressed_bytes === 0;
  if (!isSame && !isLater) throw differs("size or checksum");
}

/** Behind the bytes of an entry that was written to a pipe its sizes stand again, in one of four forms. */
function checkDescriptor(view: DataView, entry: ZipEntry, at: number, end: number): void {
  const bytes = end - at;
  if ((entry.flags & zip_flag.descriptor) === 0) {
    if (bytes !== 0) throw invalid("zip_overlap", "zip with bytes between its entries");
    return;
  }
  const hasSignature = bytes === 16 || bytes === 24;
  const is_zip64 = bytes === 20 || bytes === 24;
  if (!hasSignature && bytes !== 12 && bytes !== 20) throw invalid("zip_overlap", "zip with bytes between its entries");
  if (hasSignature && view.getUint32(at, true) !== signature.descriptor) throw broken();
  const from = at + (hasSignature ? 4 : 0);
  const number = (index: number) =>
    is_zip64 ? Number(view.getBigUint64(from + 4 + 8 * index, true)) : view.getUint32(from + 4 + 4 * index, true);
  const isSame =
    view.getUint32(from, true) === entry.crc && number(0) === entry.compressed_bytes && number(1) === entry.size_bytes;
  if (!isSame) throw differs("size or checksum");
}

const broken = (): ArchiveError => invalid("zip_directory", "zip with a broken directory");
const differs = (what: string): ArchiveError =>
  invalid("zip_mismatch", `zip whose directory and entry say another ${what}`);
