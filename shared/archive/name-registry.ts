import { overLimit, unsafe } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";

type Known = { readonly name: string; readonly kind: "file" | "directory"; is_named: boolean };

const ascii = /^[\x20-\x7e]*$/;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * The names of one archive so far. Refuses a name twice, a file where another name needs a directory, and twins: names
 * that a file system which folds case, or normalises, or ignores invisible characters, would hold for one
 * (CVE-2021-37701, CVE-2021-37712, CVE-2026-23950). Memory is bounded by `entries_max`, implied parents counted.
 */
export class NameRegistry {
  readonly #known = new Map<string, Known>();
  readonly #limits: ArchiveLimits;
  #is_root_named = false;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /** Adds a canonical name. The root (`""`) may come once, as a directory. */
  add(name: string, kind: "file" | "directory"): void {
    if (name === "") {
      if (this.#is_root_named) throw unsafe("duplicate", "the root twice");
      this.#is_root_named = true;
      return;
    }
    for (let slash = name.indexOf("/"); slash !== -1; slash = name.indexOf("/", slash + 1)) {
      this.#addParent(name.slice(0, slash));
    }
    const known = this.#find(name);
    if (known === undefined) {
      this.#insert({ name, kind, is_named: true });
      return;
    }
    if (known.kind !== kind) throw unsafe("file_as_directory", "name of a file and of a directory");
    if (known.is_named) throw unsafe("duplicate", "name twice");
    known.is_named = true;
  }

  #addParent(name: string): void {
    const known = this.#find(name);
    if (known === undefined) this.#insert({ name, kind: "directory", is_named: false });
    else if (known.kind === "file") throw unsafe("file_as_directory", "name of a file and of a directory");
  }

  #find(name: string): Known | undefined {
    const known = this.#known.get(foldName(name));
    if (known !== undefined && known.name !== name) {
      throw unsafe("twin", "name that differs from another only in case or Unicode form");
    }
    return known;
  }

  #insert(known: Known): void {
    if (this.#known.size >= this.#limits.entries_max) throw overLimit("entries", "too many entries");
    this.#known.set(foldName(known.name), known);
  }
}

/** Maps names that some file system takes for the same one to the same text. Coarser than any: it only finds collisions. */
export function foldName(name: string): string {
  if (ascii.test(name)) return name.toLowerCase();
  const visible = name.normalize("NFKD").replace(ignorable, "");
  // There and back again: ß and ss, ẞ and ß, ſ and s, dotless i and I meet only so.
  return visible.toLowerCase().toUpperCase().toLowerCase().normalize("NFKD");
}
