import { invalid, unsafe } from "../archive-error.ts";
import { shownName } from "../shown-name.ts";

/** What a PAX header may change for us: nothing but names. `size` is only there to be compared with the header's. */
export interface PaxOverrides {
  readonly path?: Uint8Array;
  readonly linkpath?: Uint8Array;
  readonly size_bytes?: number;
}

/**
 * Keys without influence on names, types or lengths. Everything else is refused instead of skipped: a skipped key is a
 * difference between two readers (CVE-2026-32766, CVE-2025-62518).
 */
const ignored_keys =
  /^(?:uname|gname|comment|SCHILY\.(?:dev|ino|nlink|fflags|(?:xattr|acl)\..{1,255})|LIBARCHIVE\.(?:creationtime|xattr\..{1,255})|RHT\..{1,255}|NODETAR\..{1,64}|MSWINDOWS\..{1,64})$/s;

/** As little influence, but numbers: a reader may end where it can't read one. */
const ignored_numbers = /^(?:mtime|atime|ctime|uid|gid)$/;
/** With an exponent as Python writes a time near 0: `1e-05`. */
const number_form = /^-?[0-9]{1,20}(?:\.[0-9]{0,40})?(?:e[+-]?[0-9]{1,3})?$/;

/** POSIX's two values. Both leave a name's bytes as they are; what is not UTF-8 is refused in any case. */
const character_sets = /^(?:BINARY|ISO-IR 10646 2000 UTF-8)$/;

/** `VENDOR.key` for all entries: comments of a program. Not of those vendors whose keys readers act on. */
const vendor_key = /^(?!(?:GNU|SCHILY|SUN|STAR|LIBARCHIVE)\.)[A-Z][A-Z0-9_]{0,31}\..{1,255}$/s;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the records `<length> <key>=<value>\n` of a PAX header. A global one may hold only keys that are ignored. */
export function readPaxHeader(content: Uint8Array, isGlobal: boolean): PaxOverrides {
  const overrides: { path?: Uint8Array; linkpath?: Uint8Array; size_bytes?: number } = {};
  const seen = new Set<string>();
  for (let at = 0; at < content.length; ) {
    const { key, value, end } = readRecord(content, at);
    at = end;
    if (seen.has(key)) throw unsafe("pax_duplicate", `PAX header with the key ${shownName(key)} twice`);
    seen.add(key);
    if (ignored_keys.test(key)) continue;
    if (isGlobal && vendor_key.test(key)) continue;
    if (ignored_numbers.test(key)) {
      if (!number_form.test(latin1(value))) throw malformed();
      continue;
    }
    if (key === "hdrcharset" && character_sets.test(latin1(value))) continue;
    if (isGlobal) throw unsafe("pax_global", `global PAX header with the key ${shownName(key)}, which changes entries`);
    if (key === "path") overrides.path = value;
    else if (key === "size") overrides.size_bytes = decimal(value);
    else if (key === "linkpath") overrides.linkpath = value;
    else if (key.startsWith("GNU.sparse")) throw unsafe("sparse", "sparse file");
    else throw unsafe("pax_key", `PAX header with the key ${shownName(key)}, which is not known`);
  }
  return overrides;
}

function readRecord(content: Uint8Array, start: number): { key: string; value: Uint8Array; end: number } {
  const space = content.indexOf(0x20, start);
  // Seven digits are more than any header we let in; without the bound this search would be quadratic.
  if (space === -1 || space === start || space - start > 7) throw malformed();
  const end = start + decimal(content.subarray(start, space));
  if (end > content.length || end <= space + 1 || content[end - 1] !== 0x0a) throw malformed();
  const equals = content.indexOf(0x3d, space + 1);
  if (equals === -1 || equals >= end - 1 || equals === space + 1) throw malformed();
  let key: string;
  try {
    key = utf8.decode(content.subarray(space + 1, equals));
  } catch (cause) {
    if (cause instanceof TypeError) throw malformed();
    throw cause;
  }
  return { key, value: content.slice(equals + 1, end - 1), end };
}

function decimal(digits: Uint8Array): number {
  if (digits.length === 0 || digits.length > 15) throw malformed();
  let value = 0;
  for (const byte of digits) {
    if (byte < 0x30 || byte > 0x39) throw malformed();
    value = value * 10 + byte - 0x30;
  }
  return value;
}

const latin1 = (value: Uint8Array) => Buffer.from(value).toString("latin1");

const malformed = () => invalid("pax_header", "malformed PAX header");
