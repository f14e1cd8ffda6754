import { overLimit, unsafe } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";

const segment_bytes_max = 255;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const plain_ascii = /^[\x20-\x5b\x5d-\x7e]*$/;
/** C0, DEL, C1 and the two line separators: what a terminal, a log or a shell script could take for a command. */
const control = /[\p{Cc}\u2028\u2029]/u;

/** The UTF-8 text of a name; refuses other bytes, whose reading depends on who reads. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    if (cause instanceof TypeError) throw unsafe("name_not_utf8", "name that is not UTF-8");
    throw cause;
  }
}

/**
 * The canonical form of an entry's name: relative, `/` between segments, no `.` segments, no slash at the end. The root
 * (`.` or `./`) is the empty string. Throws on everything else that is not already in that form but for a leading `./`
 * and a directory's trailing slash, which every tar program writes.
 */
export function canonicalName(raw: string, is_directory: boolean, limits: ArchiveLimits): string {
  if (raw.length > 2 * limits.name_bytes_max) throw overLimit("name_bytes", "name too long");
  if (raw.startsWith("/")) throw unsafe("name_absolute", "absolute name");
  let name = raw.startsWith("./") ? raw.slice(2) : raw;
  if (name.endsWith("/")) {
    if (!is_directory) throw unsafe("name_slash", "file with a slash at the end of its name");
    name = name.slice(0, -1);
  }
  if (is_directory && (raw === "." || raw === "./")) return "";
  if (name === "") throw unsafe("name_empty", "empty name");
  if (!plain_ascii.test(name)) checkCharacters(name);
  const name_bytes = plain_ascii.test(name) ? name.length : encoder.encode(name).length;
  if (name_bytes > limits.name_bytes_max) throw overLimit("name_bytes", "name too long");
  checkSegments(name, limits);
  return name;
}

function checkCharacters(name: string): void {
  if (name.includes("\0")) throw unsafe("name_nul", "name with a NUL inside");
  if (control.test(name)) throw unsafe("name_control", "name with a control character");
  // A separator on other systems, and what GHSA-5955-9wpr-37jh climbed out with.
  if (name.includes("\\")) throw unsafe("name_backslash", "name with a backslash");
}

function checkSegments(name: string, limits: ArchiveLimits): void {
  const segments = name.split("/");
  for (const segment of segments) {
    if (segment === "..") throw unsafe("name_parent", "name with a `..` segment");
    if (segment === "" || segment === ".") throw unsafe("name_not_normalised", "name with an empty or `.` segment");
    if (segment.length > segment_bytes_max || encoder.encode(segment).length > segment_bytes_max) {
      throw overLimit("segment_bytes", "segment of a name too long");
    }
  }
  if (segments.length > limits.depth_max) throw overLimit("depth", "name too deep");
}
