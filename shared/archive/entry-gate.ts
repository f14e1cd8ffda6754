import type { ArchiveEntry, ArchiveSummary, EntrySink } from "./archive-entry.ts";
import { type ArchiveError, overLimit, unsafe } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import type { ArchiveRules } from "./archive-rules.ts";
import { canonicalName } from "./entry-name.ts";
import { LinkCopies, type LinkKind } from "./link-copies.ts";
import { NameRegistry, tooMany } from "./name-registry.ts";

/** What macOS keeps beside a person's files, by its last name; and the folder that its zips keep such in. */
const macos_file = /(?:^|\/)(?:\._[^/]*|\.DS_Store|Icon\r)$/;
const macos_folder = /^(?:\.\/)?__MACOSX(?:\/|$)/;

/** An entry as a format's reader understood it, its name not yet looked at. */
export interface RawEntry {
  readonly kind: "file" | "directory";
  readonly name: string;
  readonly size_bytes: number;
  readonly isExecutable: boolean;
}

/**
 * What every entry goes through, whatever format it came in: its name, its kind, the count and size so far. What is
 * accepted goes on to the sink; what a rule drops does not, nor do its bytes.
 */
export class EntryGate {
  readonly #limits: ArchiveLimits;
  readonly #rules: ArchiveRules;
  readonly #names: NameRegistry;
  readonly #sink: EntrySink;
  readonly #links: LinkCopies | null;
  #isDropped = false;
  #met = 0;
  #files = 0;
  #directories = 0;
  #content_bytes = 0;

  constructor(limits: ArchiveLimits, rules: ArchiveRules, sink: EntrySink) {
    this.#limits = limits;
    this.#rules = rules;
    this.#names = new NameRegistry(limits);
    this.#links = rules.links === "copy" ? new LinkCopies(limits, sink) : null;
    this.#sink = this.#links ?? sink;
  }

  get takesLinks(): boolean {
    return this.#links !== null;
  }

  /** @throws ArchiveError where the entry, or one more of its like, is refused */
  entry({ kind, name: raw, size_bytes, isExecutable }: RawEntry): void {
    this.#count();
    this.#isDropped = this.#isMacosOwn(raw, kind);
    if (this.#isDropped) return;
    const name = canonicalName(raw, kind === "directory", this.#limits);
    const isNew = this.#names.add(name, kind);
    // Said now, not when so many bytes have come.
    this.#content_bytes += size_bytes;
    if (this.#content_bytes > this.#limits.expanded_bytes_max) throw tooLarge(this.#limits);
    if (kind === "file") this.#files++;
    else if (name !== "" && isNew) this.#directories++;
    if (name === "" || !isNew) return;
    this.#sink.entry({ kind, name, size_bytes, isExecutable: kind === "directory" || isExecutable });
  }

  data(chunk: Uint8Array): void {
    if (!this.#isDropped) this.#sink.data(chunk);
  }

  /** A link: refused, unless the rules copy what it points to. */
  link(kind: LinkKind, raw: string, target: string): void {
    if (this.#links === null) throw refusedLink(kind);
    this.#count();
    if (this.#isMacosOwn(raw, "file")) return;
    const name = canonicalName(raw, false, this.#limits);
    this.#names.add(name, "file");
    this.#links.link(kind, name, target);
  }

  /** To be exhausted after the last entry; what is held for links is told to the sink between two steps. */
  *end(): Generator<void, ArchiveSummary, undefined> {
    for (const { kind, size_bytes } of this.#links?.end() ?? []) {
      if (kind === "file") this.#files++;
      else this.#directories++;
      this.#content_bytes += size_bytes;
      yield;
    }
    return { files: this.#files, directories: this.#directories, content_bytes: this.#content_bytes };
  }

  #count(): void {
    // Directories may come twice, so that the names alone bound nothing.
    if (++this.#met > 2 * this.#limits.entries_max) throw tooMany(this.#limits);
  }

  #isMacosOwn(raw: string, kind: ArchiveEntry["kind"]): boolean {
    if (this.#rules.macos_files === "keep") return false;
    return macos_folder.test(raw) || (kind === "file" && macos_file.test(raw));
  }
}

/** The refusal of an archive whose contents are too large. */
export function tooLarge({ expanded_bytes_max }: ArchiveLimits): ArchiveError {
  return overLimit("expanded_bytes", "too many bytes when expanded", expanded_bytes_max);
}

function refusedLink(kind: LinkKind): ArchiveError {
  return kind === "hard" ? unsafe("link", "hard link") : unsafe("link", "symbolic link");
}
