import { invalid, unsafe } from "./archive-error.ts";
import { block_bytes, field } from "./tar-format.ts";

/** A header block as it stands, before any extended header is applied. */
export interface RawHeader {
  readonly type: string;
  /** Undecoded: a PAX or GNU long name may replace it, and then its bytes don't matter. */
  readonly name: Uint8Array;
  readonly prefix: Uint8Array;
  readonly size_bytes: number;
  readonly is_executable: boolean;
}

const space = 0x20;
const posix_magic = [0x75, 0x73, 0x74, 0x61, 0x72, 0x00, 0x30, 0x30];
const gnu_magic = [0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0x00];

/** True for a block of zeros. */
export function isZero(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * Reads one header block of 512 bytes, strictly: where extractors are known to differ (what follows a NUL, base-256
 * numbers, GNU fields in the place of the prefix) it refuses, so that what we saw is what any of them would see.
 */
export function readHeader(block: Uint8Array): RawHeader {
  verifyChecksum(block);
  const is_gnu = hasMagic(block, gnu_magic);
  if (!is_gnu && !hasMagic(block, posix_magic)) throw invalid("magic", "not a ustar, PAX or GNU header");
  // In GNU's layout times, sparse maps and multi-volume offsets lie where ustar has its prefix; Python reads them as a prefix.
  if (is_gnu && !isZero(block, field.prefix[0], block_bytes)) {
    throw unsafe("gnu_extension", "GNU header with fields in the place of the prefix");
  }
  for (const ignored of [field.uid, field.gid, field.mtime]) verifyIgnored(block, ignored);
  return {
    type: String.fromCharCode(block[field.type[0]] ?? 0),
    name: text(block, field.name),
    prefix: text(block, field.prefix),
    size_bytes: octal(block, field.size, "size"),
    is_executable: (octal(block, field.mode, "mode") & 0o111) !== 0,
  };
}

function verifyChecksum(block: Uint8Array): void {
  const [start, end] = field.checksum;
  let sum = (end - start) * space;
  for (let i = 0; i < start; i++) sum += block[i] as number;
  for (let i = end; i < block_bytes; i++) sum += block[i] as number;
  if (octal(block, field.checksum, "checksum") !== sum) throw invalid("checksum", "header checksum does not match");
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
