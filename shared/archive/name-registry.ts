import { type ArchiveError, overLimit, unsafe } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import { shownName } from "./shown-name.ts";

type Known = { readonly name: string; readonly kind: "file" | "directory"; isNamed: boolean };

const ascii = /^[\x20-\x7e]*$/;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * The names of one archive so far. Refuses a file twice, a file where another name needs a directory, and twins: names
 * that a file system which folds case, or normalises, or ignores invisible characters, would hold for one
 * (CVE-2021-37701, CVE-2021-37712, CVE-2026-23950). Memory is bounded by `entries_max`, implied parents counted.
 */
export class NameRegistry {
  readonly #known = new Map<string, Known>();
  /** Exact names of directories: below one of these no parent needs to be looked at again. */
  readonly #directories = new Set<string>([""]);
  readonly #limits: ArchiveLimits;
  #isRootNamed = false;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /**
   * Adds a canonical name. Answers false for a directory that was named before: Maven and Python's `os.walk` with `add`
   * write them twice, and the second says nothing new.
   */
  add(name: string, kind: "file" | "directory"): boolean {
    if (name === "") {
      const isNew = !this.#isRootNamed;
      this.#isRootNamed = true;
      return isNew;
    }
    this.#addParents(name);
    const folded = foldName(name);
    const known = this.#find(name, folded);
    if (known === undefined) {
      this.#insert({ name, kind, isNamed: true }, folded);
      return true;
    }
    if (known.kind !== kind) throw unsafe("file_as_directory", "name of a file and of a directory");
    if (known.isNamed && kind === "file") throw unsafe("duplicate", "name twice");
    const isNew = !known.isNamed;
    known.isNamed = true;
    return isNew;
  }

  #addParents(name: string): void {
    if (this.#directories.has(name.slice(0, Math.max(0, name.lastIndexOf("/"))))) return;
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
      const parent = name.slice(0, slash);
      const folded = foldName(parent);
      const known = this.#find(parent, folded);
      if (known === undefined) this.#insert({ name: parent, kind: "directory", isNamed: false }, folded);
      else if (known.kind === "file") throw unsafe("file_as_directory", "name of a file and of a directory");
    }
  }

  #find(name: string, folded: string): Known | undefined {
    const known = this.#known.get(folded);
    if (known !== undefined && known.name !== name) {
      throw unsafe("twin", `name that differs from ${shownName(known.name)} only in case or Unicode form`);
    }
    return known;
  }

  #insert(known: Known, folded: string): void {
    if (this.#known.size >= this.#limits.entries_max) throw tooMany(this.#limits);
    this.#known.set(folded, known);
    if (known.kind === "directory") this.#directories.add(known.name);
  }
}

/** The refusal of one entry too many. */
export const tooMany = ({ entries_max }: ArchiveLimits): ArchiveError =>
  overLimit("entries", "too many files and directories, those counted that only names imply", entries_max);

/** Maps names that some file system takes for the same one to the same text. Coarser than any: it only finds collisions. */
export function foldName(name: string): string {
  if (ascii.test(name)) return name.toLowerCase();
  const visible = name.normalize("NFKD").replace(ignorable, "");
  // There and back again: ß and ss, ẞ and ß, ſ and s, dotless i and I meet only so.
  return visible.toLowerCase().toUpperCase().toLowerCase().normalize("NFKD");
}
