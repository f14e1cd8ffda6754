import { remedyOf } from "./remedies.ts";
import { shownName } from "./shown-name.ts";

/**
 * What kind of no an archive got. `invalid`: it cannot be read (HTTP 400 `invalid mount archive`).
 * `unsafe`: it can, and holds something refused (400 `unsafe mount archive`). `limit`: too large in some way (413).
 */
export type ArchiveErrorKind = "invalid" | "unsafe" | "limit";

/** Where in an archive the trouble lies. */
export interface ArchivePlace {
  /** Counts what a person would count, files, directories and links, from 1; null for the archive as a whole. */
  readonly entry: number | null;
  /** As it stood in the archive, escaped and cut; null where it could not be read. */
  readonly name: string | null;
}

/**
 * A refused archive. `code` is stable and names the rule, `detail` says what is wrong with bound and value, `remedy` what
 * to do. `message` says all of it in one line. What comes from the archive is escaped and cut, so it may be shown and logged.
 */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly kind: ArchiveErrorKind;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly entry: number | null;
  readonly entry_name: string | null;

  constructor(
    kind: ArchiveErrorKind,
    code: string,
    detail: string,
    { remedy = remedyOf(code), place = nowhere }: { readonly remedy?: string; readonly place?: ArchivePlace } = {},
  ) {
    const where = place.entry === null ? "" : `entry ${place.entry}${place.name === null ? "" : ` ${place.name}`}: `;
    super(`${kind} archive: ${where}${detail}. ${remedy}`);
    this.kind = kind;
    this.code = code;
    this.detail = detail;
    this.remedy = remedy;
    this.entry = place.entry;
    this.entry_name = place.name;
  }

  /** The same refusal at a place: the entry's number and its name as it stood in the archive. */
  at(entry: number, name: Uint8Array | string | null): ArchiveError {
    if (this.entry !== null) return this;
    const place = { entry, name: name === null ? null : shownName(name) };
    return new ArchiveError(this.kind, this.code, this.detail, { remedy: this.remedy, place });
  }

  /** What the refusal's receiver learns of it beside the sentence: extension members of a problem document. */
  get extensions() {
    return {
      rule: this.code,
      reason: this.detail,
      remedy: this.remedy,
      ...(this.entry === null ? {} : { position: this.entry }),
      ...(this.entry_name === null ? {} : { entry: this.entry_name }),
    };
  }
}

const nowhere: ArchivePlace = { entry: null, name: null };

/** Shorthands, so that a check reads as one line. */
export const invalid = (code: string, detail: string, remedy?: string) => refusal("invalid", code, detail, remedy);
export const unsafe = (code: string, detail: string, remedy?: string) => refusal("unsafe", code, detail, remedy);

/** `what` is more than a bound: "name of 1,301 bytes, at most 1,024". */
export function overLimit(code: string, what: string, max: number): ArchiveError {
  return refusal("limit", code, `${what}, at most ${max.toLocaleString("en-US")}`);
}

function refusal(kind: ArchiveErrorKind, code: string, detail: string, remedy?: string): ArchiveError {
  return new ArchiveError(kind, code, detail, remedy === undefined ? {} : { remedy });
}
