import { invalid, unsafe } from "./archive-error.ts";

/** What a PAX header may change for us: nothing but the name. `size` is only there to be compared with the header's. */
export interface PaxOverrides {
  readonly path?: Uint8Array;
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
const number_form = /^-?[0-9]{1,20}(?:\.[0-9]{0,40})?$/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads the records `<length> <key>=<value>\n` of a PAX header. A global one may hold only keys that are ignored. */
export function readPaxHeader(content: Uint8Array, is_global: boolean): PaxOverrides {
  const overrides: { path?: Uint8Array; size_bytes?: number } = {};
  const seen = new Set<string>();
  for (let at = 0; at < content.length; ) {
    const { key, value, end } = readRecord(content, at);
    at = end;
    if (seen.has(key)) throw unsafe("pax_duplicate", "PAX header with a key twice");
    seen.add(key);
    if (ignored_keys.test(key)) continue;
    if (ignored_numbers.test(key)) {
      if (!number_form.test(Buffer.from(value).toString("latin1"))) throw malformed();
      continue;
    }
    if (is_global) throw unsafe("pax_global", "global PAX header that changes entries");
    if (key === "path") overrides.path = value;
    else if (key === "size") overrides.size_bytes = decimal(value);
    else if (key.startsWith("GNU.sparse")) throw unsafe("sparse", "sparse file");
    else if (key === "linkpath") throw unsafe("link", "link");
    else throw unsafe("pax_key", "PAX header with a key that is not allowed");
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

const malformed = () => invalid("pax_header", "malformed PAX header");
