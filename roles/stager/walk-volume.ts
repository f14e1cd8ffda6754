import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import { type ArchiveEntry, ArchiveError, type ArchiveLimits } from "#shared/archive/canonical-archive.ts";
import { canonicalName, decodeName } from "#shared/archive/entry-name.ts";
import { NameRegistry } from "#shared/archive/name-registry.ts";
import { shownName } from "#shared/archive/shown-name.ts";
import { canonicalEntryBytes, canonicalHeader, endOfArchive, paddingAfter } from "#shared/archive/tar/tar-writer.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { SkippedNames } from "#shared/schemas/stager.ts";
import { StagerError } from "./outcome.ts";

export interface VolumeListing {
  readonly entries: readonly ArchiveEntry[];
  /** The size of the archive that `packVolume` makes. */
  readonly size_bytes: number;
  /** Links, devices, pipes, sockets and unsafe names. A directory counts once, with all that lies in it. */
  readonly skipped: SkippedNames;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;
const chunk_bytes = 256 * 1024;

/**
 * Lists the regular files and directories that a job left, sorted, without following any link.
 *
 * @throws StagerError "output_too_large" or "output_too_many" before any file is read
 */
export function listVolume(directory: string, limits: ArchiveLimits): VolumeListing {
  const listing = new Listing(limits);
  const root = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    listing.walk(root, "");
  } finally {
    closeSync(root);
  }
  return listing;
}

class Listing implements VolumeListing {
  readonly entries: ArchiveEntry[] = [];
  size_bytes = endOfArchive.length;
  readonly skipped = { count: 0, first: [] as SkippedNames["first"] };
  readonly #limits: ArchiveLimits;
  readonly #names: NameRegistry;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
    this.#names = new NameRegistry(limits);
  }

  walk(parent: number, prefix: string): void {
    // Names as bytes: one that is not UTF-8 could not be asked for again, nor be told.
    for (const child of readdirSync(at(parent), { encoding: "buffer" }).sort(Buffer.compare)) {
      const opened = openChild(parent, child);
      if (typeof opened === "string") {
        this.#skip(prefix, child, opened);
        continue;
      }
      try {
        if (this.#add(opened, prefix, child) && opened.kind === "directory") {
          this.walk(opened.descriptor, `${prefix}${child}/`);
        }
      } finally {
        closeSync(opened.descriptor);
      }
    }
  }

  #add({ kind, size_bytes, isExecutable }: OpenChild, prefix: string, child: Buffer): boolean {
    let name: string;
    try {
      name = canonicalName(`${prefix}${decodeName(child)}`, false, this.#limits);
      this.#names.add(name, kind);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      if (error.code === "entries") {
        const bound = this.#limits.entries_max.toLocaleString("en-US");
        throw new StagerError("output_too_many", `the job left more than ${bound} files and directories in the mount`);
      }
      this.#skip(prefix, child, error.code);
      return false;
    }
    if (size_bytes > this.#limits.expanded_bytes_max) throw this.#tooLarge(`a file of ${size_bytes} bytes`);
    const entry: ArchiveEntry = { kind, name, size_bytes, isExecutable };
    this.size_bytes += canonicalEntryBytes(entry);
    if (this.size_bytes > this.#limits.expanded_bytes_max) throw this.#tooLarge("more");
    this.entries.push(entry);
    return true;
  }

  #skip(prefix: string, child: Buffer, reason: string): void {
    this.skipped.count++;
    if (this.skipped.first.length === limits.jobs.skipped_told_max) return;
    // Without its quotes.
    const name = shownName(Buffer.concat([Buffer.from(prefix), child])).slice(1, -1);
    this.skipped.first.push({ name, reason });
  }

  #tooLarge(what: string): StagerError {
    const bound = this.#limits.expanded_bytes_max.toLocaleString("en-US");
    return new StagerError("output_too_large", `the job left ${what}; the mount may hold ${bound} bytes`);
  }
}

interface OpenChild {
  readonly descriptor: number;
  readonly kind: "file" | "directory";
  readonly size_bytes: number;
  readonly isExecutable: boolean;
}

/** Works like `openat`: through /proc the kernel resolves a name below the open directory, whatever became of its path. */
function at(descriptor: number, name: string | Buffer = ""): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${descriptor}/`), Buffer.from(name)]);
}

/** Opens a file or directory. Of anything else it says what that is. */
function openChild(parent: number, name: Buffer): OpenChild | "link" | "special_file" {
  // Checked before it is opened: opening a device can have effects, and opening a pipe can wait for ever.
  const seen = lstatSync(at(parent, name));
  if (seen.isSymbolicLink()) return "link";
  if (!(seen.isFile() || seen.isDirectory())) return "special_file";
  const descriptor = openSync(at(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const found = fstatSync(descriptor);
  if (found.isDirectory()) return { descriptor, kind: "directory", size_bytes: 0, isExecutable: true };
  return { descriptor, kind: "file", size_bytes: found.size, isExecutable: (found.mode & 0o111) !== 0 };
}

/** Yields the canonical archive of a listing. @throws StagerError "storage" when a file has changed since */
export async function* packVolume(
  directory: string,
  listing: VolumeListing,
): AsyncGenerator<Uint8Array, void, undefined> {
  const root = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const entry of listing.entries) {
      yield canonicalHeader(entry);
      if (entry.kind === "directory") continue;
      yield* contentOf(root, entry);
      const padding = paddingAfter(entry.size_bytes);
      if (padding.length > 0) yield padding;
    }
    yield endOfArchive;
  } finally {
    closeSync(root);
  }
}

async function* contentOf(root: number, entry: ArchiveEntry): AsyncGenerator<Uint8Array, void, undefined> {
  const file = openBeneath(root, entry.name);
  try {
    const { size } = fstatSync(file);
    if (size !== entry.size_bytes) throw changed();
    for (let left = size; left > 0; ) {
      const chunk = new Uint8Array(Math.min(chunk_bytes, left));
      const bytes = readSync(file, chunk, 0, chunk.length, size - left);
      if (bytes === 0) throw changed();
      left -= bytes;
      yield chunk.subarray(0, bytes);
    }
  } finally {
    closeSync(file);
  }
}

const changed = () => new StagerError("storage", "a file changed while it was collected");

function openBeneath(root: number, name: string): number {
  const segments = name.split("/");
  const last = segments.pop() as string;
  const opened: number[] = [];
  try {
    let parent = root;
    for (const segment of segments) {
      parent = openSync(at(parent, segment), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      opened.push(parent);
    }
    return openSync(at(parent, last), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
