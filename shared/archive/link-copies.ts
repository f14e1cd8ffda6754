import type { ArchiveEntry, EntrySink } from "./archive-entry.ts";
import { type ArchiveError, overLimit, unsafe } from "./archive-error.ts";
import type { ArchiveLimits } from "./archive-limits.ts";
import { canonicalName } from "./entry-name.ts";
import { tooMany } from "./name-registry.ts";
import { shownName } from "./shown-name.ts";

export type LinkKind = "hard" | "symbolic";

interface HeldFile {
  readonly kind: "file";
  readonly entry: ArchiveEntry;
  /** Its content, or null where there was no room for it. */
  parts: Uint8Array[] | null;
}
type Held = HeldFile | { readonly kind: "directory" } | { readonly kind: "link"; readonly target: string };

/** A chain of links is followed so far, as Linux does. */
const hops_max = 40;

/**
 * Tells a sink what it is told, and at the end copies of what links point to, in the order of the links. A link to a
 * directory is a copy of all below it. Refused are a target outside or missing, and one that leads in a circle. Contents
 * are held in memory until then, the small files first; a link to one that had no room is refused. Copies count like what
 * they are copies of: `entries_max`, `expanded_bytes_max`.
 */
export class LinkCopies implements EntrySink {
  readonly #limits: ArchiveLimits;
  readonly #sink: EntrySink;
  readonly #held = new Map<string, Held>();
  /** Who lies in which folder, folders that only names imply with them. */
  readonly #below = new Map<string, Set<string>>([["", new Set()]]);
  readonly #links: string[] = [];
  #file: HeldFile | null = null;
  #held_bytes = 0;
  #told = 0;
  #told_bytes = 0;

  constructor(limits: ArchiveLimits, sink: EntrySink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  entry(entry: ArchiveEntry): void {
    this.#tell(entry);
    this.#file = entry.kind === "file" ? { kind: "file", entry, parts: [] } : null;
    this.#add(entry.name, this.#file ?? { kind: "directory" });
    this.#held_bytes += entry.size_bytes;
    while (this.#held_bytes > this.#limits.copied_bytes_max) this.#dropLargest();
  }

  data(chunk: Uint8Array): void {
    this.#file?.parts?.push(chunk.slice());
    this.#sink.data(chunk);
  }

  link(kind: LinkKind, name: string, target: string): void {
    this.#add(name, { kind: "link", target: this.#inside(kind, name, target) });
    this.#links.push(name);
  }

  /** Tells the sink the copies; each is yielded, and between two of them the sink may be emptied. */
  *end(): Generator<ArchiveEntry, void, undefined> {
    for (const name of this.#links) yield* this.#copy(name);
  }

  #add(name: string, held: Held): void {
    this.#held.set(name, held);
    for (let child = name; child !== ""; ) {
      const folder = parentOf(child);
      const known = this.#below.get(folder);
      if (known?.has(child)) return;
      if (known === undefined) this.#below.set(folder, new Set([child]));
      else known.add(child);
      child = folder;
    }
  }

  #dropLargest(): void {
    let largest: HeldFile | null = null;
    for (const held of this.#held.values()) {
      if (held.kind !== "file" || held.parts === null) continue;
      if (largest === null || held.entry.size_bytes > largest.entry.size_bytes) largest = held;
    }
    if (largest === null) return;
    largest.parts = null;
    this.#held_bytes -= largest.entry.size_bytes;
  }

  /** Where a link leads, as a canonical name; the root is "". */
  #inside(kind: LinkKind, name: string, target: string): string {
    if (target.startsWith("/") || target === "") throw outside(target);
    // A hard link's target is a name of the archive, a symbolic link's a path from the folder it lies in.
    const segments = kind === "hard" ? [] : name.split("/").slice(0, -1);
    for (const segment of target.split("/")) {
      if (segment === "..") {
        if (segments.pop() === undefined) throw outside(target);
      } else if (segment !== "" && segment !== ".") {
        segments.push(segment);
      }
    }
    return segments.length === 0 ? "" : canonicalName(segments.join("/"), false, this.#limits);
  }

  *#copy(name: string): Generator<ArchiveEntry, void, undefined> {
    const target = this.#resolved(name);
    const held = this.#held.get(target);
    if (held?.kind === "file") {
      yield this.#tellFile(held, name);
    } else {
      if (target === "" || name.startsWith(`${target}/`)) {
        throw unsafe("link_target", `link ${shownName(name)} to a folder that it lies in`);
      }
      yield* this.#copyFolder(target, name);
    }
  }

  /** Copies a folder. A link in it is resolved where it lies, and may only be to a file. */
  *#copyFolder(folder: string, copy: string): Generator<ArchiveEntry, void, undefined> {
    yield this.#tell({ kind: "directory", name: copy, size_bytes: 0, isExecutable: true });
    for (const name of this.#below.get(folder) ?? []) {
      const copied = `${copy}${name.slice(folder.length)}`;
      const held = this.#held.get(name);
      const resolved = held?.kind === "link" ? this.#held.get(this.#resolved(name)) : held;
      if (resolved?.kind === "file") {
        yield this.#tellFile(resolved, copied);
      } else if (held?.kind === "link") {
        throw unsafe("link_target", `link ${shownName(name)} to a folder, inside of a folder that is itself copied`);
      } else {
        yield* this.#copyFolder(name, copied);
      }
    }
  }

  /** The name at the end of a chain of links: of a file or of a directory. */
  #resolved(name: string): string {
    let at = name;
    for (let hops = 0; hops < hops_max; hops++) {
      const held = this.#held.get(at);
      if (held?.kind !== "link") {
        if (held !== undefined || this.#below.has(at)) return at;
        throw unsafe("link_target", `link ${shownName(name)} to ${shownName(at)}, which is not in the archive`);
      }
      at = held.target;
    }
    throw unsafe("link_target", `link ${shownName(name)} that leads in a circle`);
  }

  #tellFile({ entry, parts }: HeldFile, name: string): ArchiveEntry {
    if (parts === null) {
      const what = `link ${shownName(name)} to a file for which there is no room in memory`;
      throw overLimit("copied_bytes", what, this.#limits.copied_bytes_max);
    }
    const copy = this.#tell({ ...entry, name: canonicalName(name, false, this.#limits) });
    for (const part of parts) this.#sink.data(part);
    return copy;
  }

  #tell(entry: ArchiveEntry): ArchiveEntry {
    this.#told_bytes += entry.size_bytes;
    const { entries_max, expanded_bytes_max } = this.#limits;
    if (++this.#told > entries_max) throw tooMany(this.#limits);
    if (this.#told_bytes > expanded_bytes_max)
      throw overLimit("expanded_bytes", "too many bytes with the copies of links", expanded_bytes_max);
    this.#sink.entry(entry);
    return entry;
  }
}

const parentOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf("/")));

function outside(target: string): ArchiveError {
  return unsafe("link_target", `link to ${shownName(target)}, outside of the archive`);
}
