/**
 * What kind of no an archive got. `invalid`: it cannot be read as a tar (HTTP 400 `invalid mount archive`).
 * `unsafe`: it can, and holds something refused (400 `unsafe mount archive`). `limit`: too large in some way (413).
 */
export type ArchiveErrorKind = "invalid" | "unsafe" | "limit";

/**
 * A refused archive. `code` is stable; `entry` counts headers from 1 and is null where the trouble is with the archive
 * as a whole. No byte that came from the archive is in `message`, so it can be shown to its sender as it is.
 */
export class ArchiveError extends Error {
  readonly kind: ArchiveErrorKind;
  readonly code: string;
  readonly entry: number | null;
  readonly detail: string;

  constructor(kind: ArchiveErrorKind, code: string, detail: string, entry: number | null = null) {
    super(entry === null ? `${kind} archive: ${detail}` : `${kind} archive: entry ${entry}: ${detail}`);
    this.name = "ArchiveError";
    this.kind = kind;
    this.code = code;
    this.entry = entry;
    this.detail = detail;
  }

  /** The same refusal, with the position of the header that caused it. */
  at(entry: number): ArchiveError {
    return this.entry === null ? new ArchiveError(this.kind, this.code, this.detail, entry) : this;
  }
}

/** Shorthands, so that a check reads as one line. */
export const invalid = (code: string, detail: string) => new ArchiveError("invalid", code, detail);
export const unsafe = (code: string, detail: string) => new ArchiveError("unsafe", code, detail);
export const overLimit = (code: string, detail: string) => new ArchiveError("limit", code, detail);
