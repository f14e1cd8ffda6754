import type { ArchiveEntry } from "../archive-entry.ts";
import { block_bytes, end_of_archive_bytes, field, paddingOf, size_bytes_ceiling } from "./tar-format.ts";

const encoder = new TextEncoder();
const zeros = new Uint8Array(end_of_archive_bytes);
const slash = 0x2f;

/** The end of an archive. */
export const endOfArchive: Uint8Array = zeros;

/** The padding after a file of `size_bytes`. */
export const paddingAfter = (size_bytes: number): Uint8Array => zeros.subarray(0, paddingOf(size_bytes));

/**
 * The canonical header of an entry: ustar; owner and time 0; mode 0644, or 0755 for directories and executables; a PAX
 * header with the path, and nothing else, only where ustar can't hold the name. A function of the entry alone.
 */
export function canonicalHeader(entry: ArchiveEntry): Uint8Array {
  if (entry.size_bytes > size_bytes_ceiling) throw new RangeError("a ustar header holds sizes below 8 GiB");
  const name = encoder.encode(entry.kind === "directory" ? `${entry.name}/` : entry.name);
  const mode = entry.isExecutable ? 0o755 : 0o644;
  const type = entry.kind === "directory" ? "5" : "0";
  const cut = splitName(name);
  if (cut !== null)
    return header(name.subarray(cut.name_start), name.subarray(0, cut.prefix_end), mode, entry.size_bytes, type);

  const record = pathRecord(name);
  const before = header(encoder.encode("PaxHeader"), new Uint8Array(0), 0o644, record.length, "x");
  const after = header(name.subarray(0, 100), new Uint8Array(0), mode, entry.size_bytes, type);
  const all = new Uint8Array(before.length + record.length + paddingOf(record.length) + after.length);
  all.set(before, 0);
  all.set(record, block_bytes);
  all.set(after, all.length - block_bytes);
  return all;
}

/** How many bytes an entry takes in a canonical archive: headers, content, padding. */
export function canonicalEntryBytes(entry: ArchiveEntry): number {
  return canonicalHeader(entry).length + entry.size_bytes + paddingOf(entry.size_bytes);
}

/** Where to cut a name into ustar's prefix (155 bytes) and name (100 bytes); null where no slash lies right. */
function splitName(name: Uint8Array): { prefix_end: number; name_start: number } | null {
  if (name.length <= 100) return { prefix_end: 0, name_start: 0 };
  // Not the last byte: a directory's trailing slash would leave an empty name.
  for (let at = Math.min(155, name.length - 2); at >= name.length - 101 && at > 0; at--) {
    if (name[at] === slash) return { prefix_end: at, name_start: at + 1 };
  }
  return null;
}

/** `<length> path=<name>\n`, whose length counts its own digits. */
function pathRecord(name: Uint8Array): Uint8Array {
  const rest = " path=".length + name.length + "\n".length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  const record = new Uint8Array(length);
  record.set(encoder.encode(`${length} path=`), 0);
  record.set(name, length - 1 - name.length);
  record[length - 1] = 0x0a;
  return record;
}

function header(name: Uint8Array, prefix: Uint8Array, mode: number, size: number, type: string): Uint8Array {
  const block = template.slice();
  let sum = template_sum + type.charCodeAt(0);
  sum += write(block, field.name[0], name) + write(block, field.prefix[0], prefix);
  sum += octal(block, field.mode, mode) + octal(block, field.size, size);
  block[field.type[0]] = type.charCodeAt(0);
  // Six digits, a NUL and the space that is there already.
  octal(block, [field.checksum[0], field.checksum[0] + 7], sum);
  block[field.checksum[0] + 6] = 0;
  return block;
}

/** Writes bytes and answers their sum. */
function write(block: Uint8Array, start: number, bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    block[start + i] = byte;
    sum += byte;
  }
  return sum;
}

/** Writes digits up to the last byte of a field, which stays, and answers the sum that they add to a field of zeros. */
function octal(block: Uint8Array, [start, end]: readonly [number, number], value: number): number {
  let sum = 0;
  for (let i = end - 2, left = value; i >= start; i--) {
    const digit = left % 8;
    block[i] = 0x30 + digit;
    left = (left - digit) / 8;
    sum += 0x30 + digit;
  }
  return sum;
}

/** What is the same in all headers: owner and time 0, the magic, the checksum's field as spaces. */
const template = new Uint8Array(block_bytes);
for (const same of [field.uid, field.gid, field.mtime, field.device_major, field.device_minor])
  octal(template, same, 0);
template.set(encoder.encode("ustar\x0000"), field.magic[0]);
template.fill(0x20, ...field.checksum);
const template_sum = template.reduce((sum, byte) => sum + byte, 0);
