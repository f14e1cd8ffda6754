import { invalid, unsafe } from "../archive-error.ts";
import { block_bytes, field } from "./tar-format.ts";

/** A header block as it stands, before any extended header is applied. */
export interface RawHeader {
  readonly type: string;
  /** Undecoded: a PAX or GNU long name may replace it, and then its bytes don't matter. */
  readonly name: Uint8Array;
  readonly prefix: Uint8Array;
  /** What a link points to, unless a PAX or GNU long link name replaces it. */
  readonly link: Uint8Array;
  readonly size_bytes: number;
  readonly isExecutable: boolean;
}

const space = 0x20;
const slash = 0x2f;
const nothing = new Uint8Array(0);
const magics = {
  posix: [0x75, 0x73, 0x74, 0x61, 0x72, 0x00, 0x30, 0x30],
  /** Some writers leave the version away; readers look at the first six bytes alone. */
  posix_without_version: [0x75, 0x73, 0x74, 0x61, 0x72, 0x00, 0x00, 0x00],
  gnu: [0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0x00],
  /** As Unix wrote it before 1988, and automake's default to this day. */
  v7: [0, 0, 0, 0, 0, 0, 0, 0],
} as const;
type Layout = "posix" | "gnu" | "v7";

/** True for a block of zeros. */
export function isZero(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Reads one header block of 512 bytes, strictly: where extractors are known to differ (what follows a NUL, base-256
 * numbers, other fields in the place of the prefix) it refuses, so that what we saw is what any of them would see.
 */
export function readHeader(block: Uint8Array): RawHeader {
  verifyChecksum(block);
  const layout = layoutOf(block);
  for (const ignored of [field.uid, field.gid, field.mtime]) verifyIgnored(block, ignored);
  const type = String.fromCharCode(block[field.type[0]] ?? 0);
  const name = text(block, field.name);
  const size_bytes = octal(block, field.size, "size");
  return {
    // Before 1988 a directory was an empty file whose name ends with a slash; all readers know it.
    type: layout === "v7" && type === "\0" && size_bytes === 0 && name.at(-1) === slash ? "5" : type,
    name,
    link: type === "1" || type === "2" ? text(block, field.link) : nothing,
    prefix: prefixOf(block, layout),
    size_bytes,
    isExecutable: (octal(block, field.mode, "mode") & 0o111) !== 0,
  };
}

/** Whether a block could be a header at all: what has neither magic nor checksum is no tar. */
export function isLikeHeader(block: Uint8Array): boolean {
  if (hasMagic(block, magics.posix.slice(0, 5))) return true;
  return block.length >= block_bytes && sumOf(block) === looseOctal(block, field.checksum);
}

function layoutOf(block: Uint8Array): Layout {
  if (hasMagic(block, magics.posix) || hasMagic(block, magics.posix_without_version)) return "posix";
  if (hasMagic(block, magics.gnu)) return "gnu";
  // With other bytes behind the link it is some program's own format; GNU tar writes device numbers there.
  if (
    hasMagic(block, magics.v7) &&
    isZero(block, field.magic[0], field.device_major[0]) &&
    isZero(block, field.prefix[0])
  ) {
    for (const ignored of [field.device_major, field.device_minor]) verifyIgnored(block, ignored);
    return "v7";
  }
  throw invalid("magic", "header that is neither v7, ustar, PAX nor GNU");
}

function prefixOf(block: Uint8Array, layout: Layout): Uint8Array {
  if (layout === "v7") return nothing;
  if (layout === "posix") return text(block, hasTimesBehindPrefix(block) ? field.short_prefix : field.prefix);
  // GNU's layout has times, sparse maps and multi-volume offsets there. Times, which `--incremental` writes, change
  // nothing; Python alone would read them as a prefix. The others change what the entry is.
  const [start, end] = field.gnu_times;
  if (![start, start + 12].every((at) => isTime(block, at)) || !isZero(block, end, block_bytes)) {
    throw unsafe("gnu_extension", "GNU header with a sparse map, an offset or a prefix");
  }
  return nothing;
}

/**
 * npm's `tar` and `star` write two times into the last 24 bytes of the prefix, which then has 130 bytes and ends with a
 * NUL. Other readers end at that NUL, so all read the same name.
 */
function hasTimesBehindPrefix(block: Uint8Array): boolean {
  const [start] = field.times_behind_prefix;
  return (
    block[start - 1] === 0 && [start, start + 12].every((at) => isTime(block, at)) && !isZero(block, start, start + 24)
  );
}

function isTime(block: Uint8Array, start: number): boolean {
  const last = block[start + 11];
  if (last !== 0 && last !== space) return false;
  for (let i = start; i < start + 11; i++) {
    const byte = block[i] as number;
    if (byte !== 0 && (byte < 0x30 || byte > 0x37)) return false;
  }
  return true;
}

function verifyChecksum(block: Uint8Array): void {
  const expected = octal(block, field.checksum, "checksum");
  if (expected !== sumOf(block)) throw invalid("checksum", "header checksum does not match");
}

/** A header's copy, so that four of its bytes can be read at once wherever it lies. */
const copy = new Uint8Array(block_bytes);
const words = new Int32Array(copy.buffer);

/** The sum of a header's bytes, its own field counted as spaces: four bytes a step, in halves that cannot overflow. */
function sumOf(block: Uint8Array): number {
  copy.set(block);
  copy.fill(space, ...field.checksum);
  let even = 0;
  let odd = 0;
  for (let i = 0; i < block_bytes / 4; i++) {
    const word = words[i] as number;
    even += word & 0x00ff00ff;
    odd += (word >>> 8) & 0x00ff00ff;
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
}

function looseOctal(block: Uint8Array, [start, end]: readonly [number, number]): number {
  return Number.parseInt(Buffer.from(block.subarray(start, end)).toString("latin1").trim(), 8);
}

function hasMagic(block: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => block[field.magic[0] + i] === byte);
}

/** A text field up to its first NUL. Whatever follows the NUL must be NUL too, or two readers may see two names. */
function text(block: Uint8Array, [start, end]: readonly [number, number]): Uint8Array {
  const nul = block.indexOf(0, start);
  if (nul === -1 || nul >= end) return block.slice(start, end);
  if (!isZero(block, nul, end)) throw unsafe("name_nul", "name with a NUL inside");
  return block.slice(start, nul);
}

/** Octal digits between leading spaces or zeros and a trailing space or NUL. An empty field and base-256 are refused. */
function octal(block: Uint8Array, [start, end]: readonly [number, number], name: string): number {
  let at = start;
  while (at < end && block[at] === space) at++;
  const first = at;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at === first) throw notOctal(name);
  for (; at < end; at++) if (block[at] !== 0 && block[at] !== space) throw notOctal(name);
  return value;
}

const notOctal = (name: string) => invalid(`${name}_field`, `${name} is not an octal number`);

/** Owners and times don't matter to us, but Python ends at a header with one it can't read, as if nothing followed. */
function verifyIgnored(block: Uint8Array, [start, end]: readonly [number, number]): void {
  const first = block[start];
  if (first === 0x80 || first === 0xff || isBlank(block, start, end)) return;
  octal(block, [start, end], "number");
}

function isBlank(block: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (block[i] !== 0 && block[i] !== space) return false;
  return true;
}
