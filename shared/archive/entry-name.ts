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
 * The canonical form of an entry's name: relative, `/` between segments, no `.` and no empty segments, no slash at the
 * end. The root (`.`, `./`, or `/` alone, which Python writes for `arcname=""`) is the empty string. `a//b` and `a/./b`
 * are `a/b` for every reader; an absolute name is not, nor is a file's name with a slash at its end: those are refused.
 */
export function canonicalName(raw: string, isDirectory: boolean, limits: ArchiveLimits): string {
  if (raw.length > 2 * limits.name_bytes_max) throw tooLong(raw.length, limits);
  if (isDirectory && raw === "/") return "";
  if (raw.startsWith("/")) throw unsafe("name_absolute", "absolute name");
  if (!isDirectory && /\/\.?$/.test(raw)) throw unsafe("name_slash", "file with a slash at the end of its name");
  if (!plain_ascii.test(raw)) checkCharacters(raw);
  const segments = raw.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.length === 0) {
    if (isDirectory && raw !== "") return "";
    throw unsafe("name_empty", "empty name");
  }
  const name = segments.join("/");
  checkBytes(name, limits);
  checkSegments(segments, limits);
  return name;
}

function checkCharacters(name: string): void {
  if (name.includes("\0")) throw unsafe("name_nul", "name with a NUL inside");
  if (/(?:^|\/)Icon\r$/.test(name)) throw iconFile();
  if (control.test(name)) throw unsafe("name_control", "name with a control character");
  // A separator on other systems, and what GHSA-5955-9wpr-37jh climbed out with.
  if (name.includes("\\")) throw unsafe("name_backslash", "name with a backslash");
}

const iconFile = () =>
  unsafe(
    "name_control",
    "name with a control character: a folder's icon, as macOS keeps it",
    "Pack without it: tar --exclude=$'Icon\\r'; or have the challenge's record drop files of macOS.",
  );

function checkBytes(name: string, limits: ArchiveLimits): void {
  const bytes = plain_ascii.test(name) ? name.length : encoder.encode(name).length;
  if (bytes > limits.name_bytes_max) throw tooLong(bytes, limits);
}

function checkSegments(segments: readonly string[], limits: ArchiveLimits): void {
  for (const segment of segments) {
    if (segment === "..") throw unsafe("name_parent", "name with a `..` segment");
    // A character is at most three bytes a code unit, so that most need no counting.
    if (3 * segment.length <= segment_bytes_max) continue;
    const bytes = encoder.encode(segment).length;
    if (bytes > segment_bytes_max)
      throw overLimit("segment_bytes", `part of a name of ${bytes} bytes`, segment_bytes_max);
  }
  if (segments.length > limits.depth_max)
    throw overLimit("depth", `name of ${segments.length} parts`, limits.depth_max);
}

const tooLong = (bytes: number, limits: ArchiveLimits) =>
  overLimit("name_bytes", `name of ${bytes} bytes`, limits.name_bytes_max);
