import { type ArchiveError, invalid } from "./archive-error.ts";
import type { ArchiveForm } from "./archive-rules.ts";

type Form = ArchiveForm | "gzip";

/** What people send instead, by the bytes it starts with. */
const starts: readonly { readonly bytes: string; readonly is: string; readonly form?: Form }[] = [
  { bytes: "\x1f\x8b", is: "a gzip stream", form: "gzip" },
  { bytes: "PK\x03\x04", is: "a zip", form: "zip" },
  { bytes: "PK\x05\x06", is: "an empty zip", form: "zip" },
  { bytes: "PK\x07\x08", is: "a part of a zip of many parts" },
  { bytes: "BZh", is: "a bzip2 stream", form: "tar.bz2" },
  { bytes: "\xfd7zXZ\0", is: "an xz stream", form: "tar.xz" },
  { bytes: "\x28\xb5\x2f\xfd", is: "a zstd stream", form: "tar.zst" },
  { bytes: "7z\xbc\xaf\x27\x1c", is: "a 7z archive" },
  { bytes: "Rar!\x1a\x07", is: "a RAR archive" },
  { bytes: "\x1f\x9d", is: "a .Z (compress) stream" },
  { bytes: "LZIP", is: "an lzip stream" },
  { bytes: "\x04\x22\x4d\x18", is: "an lz4 stream" },
  { bytes: "!<arch>\n", is: "an ar archive" },
  { bytes: "0707", is: "a cpio archive" },
  { bytes: "%PDF", is: "a PDF" },
  { bytes: "\x7fELF", is: "a program" },
  { bytes: "#!", is: "a script" },
  { bytes: "\x89PNG", is: "an image" },
  { bytes: "{", is: "JSON text" },
  { bytes: "<", is: "HTML or XML text" },
];

/** The form of an archive that starts so; null for what is a plain tar or nothing that is known. */
export function formOf(start: Uint8Array): Form | null {
  return startOf(start)?.form ?? null;
}

/** The refusal of a form that the rules do not take. */
export function refusedForm(start: Uint8Array, taken: readonly ArchiveForm[]): ArchiveError {
  const list = taken.length === 0 ? "" : `, or one of: ${taken.join(", ")}`;
  return invalid("format", `this is ${startOf(start)?.is ?? "no archive"}`, `Send a .tar.gz${list}.`);
}

/** The refusal of bytes that are no tar, where a tar was expected. */
export function notArchive(start: Uint8Array): ArchiveError {
  const known = startOf(start);
  const is = known?.is ?? (isText(start) ? "a text file" : "no archive that is known");
  const remedy = "Send a .tar.gz; a single file too goes into one: tar -czf archive.tar.gz FILE";
  return invalid(
    "format",
    known?.form === undefined ? `this is ${is}` : `this is ${is} inside of another archive`,
    remedy,
  );
}

function startOf(start: Uint8Array) {
  return starts.find(({ bytes }) => {
    for (let i = 0; i < bytes.length; i++) if (start[i] !== bytes.charCodeAt(i)) return false;
    return true;
  });
}

function isText(start: Uint8Array): boolean {
  try {
    // As a stream, for the start may end inside a character.
    return !/[^\P{Cc}\t\n\r]/u.test(new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true }));
  } catch (cause) {
    if (cause instanceof TypeError) return false;
    throw cause;
  }
}
