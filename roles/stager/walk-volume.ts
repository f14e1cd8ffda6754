import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import { type ArchiveEntry, ArchiveError, type ArchiveLimits } from "#shared/archive/canonical-archive.ts";
import { canonicalName } from "#shared/archive/entry-name.ts";
import { NameRegistry } from "#shared/archive/name-registry.ts";
import { canonicalEntryBytes, canonicalHeader, endOfArchive, paddingAfter } from "#shared/archive/tar-writer.ts";
import { StagerError } from "./outcome.ts";

export interface VolumeListing {
  readonly entries: readonly ArchiveEntry[];
  /** The size of the archive that `packVolume` makes. */
  readonly size_bytes: number;
  /** How many links, devices, pipes, sockets and unsafe names were left out. */
  readonly skipped: number;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;
const chunk_bytes = 256 * 1024;

/**
 * Lists the regular files and directories that a job left, sorted, without following any link.
 *
 * @throws StagerError "output_too_large" before any file is read
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
  skipped = 0;
  readonly #limits: ArchiveLimits;
  readonly #names: NameRegistry;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
    this.#names = new NameRegistry(limits);
  }

  walk(parent: number, prefix: string): void {
    for (const child of readdirSync(at(parent)).sort()) {
      const opened = openChild(parent, child);
      if (opened === null) {
        this.skipped++;
        continue;
      }
      try {
        if (this.#add(opened, `${prefix}${child}`) && opened.kind === "directory") {
          this.walk(opened.descriptor, `${prefix}${child}/`);
        }
      } finally {
        closeSync(opened.descriptor);
      }
    }
  }

  #add({ kind, size_bytes, is_executable }: OpenChild, name: string): boolean {
    try {
      canonicalName(name, false, this.#limits);
      this.#names.add(name, kind);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      if (error.code === "entries") throw tooLarge("too many entries");
      this.skipped++;
      return false;
    }
    if (size_bytes > this.#limits.expanded_bytes_max) throw tooLarge("a file over the limit");
    const entry: ArchiveEntry = { kind, name, size_bytes, is_executable };
    this.size_bytes += canonicalEntryBytes(entry);
    if (this.size_bytes > this.#limits.expanded_bytes_max) throw tooLarge("more than the limit in all");
    this.entries.push(entry);
    return true;
  }
}

const tooLarge = (what: string) => new StagerError("output_too_large", `the job left ${what}`);

interface OpenChild {
  readonly descriptor: number;
  readonly kind: "file" | "directory";
  readonly size_bytes: number;
  readonly is_executable: boolean;
}

/** Works like `openat`: through /proc the kernel resolves a name below the open directory, whatever became of its path. */
const at = (descriptor: number, name = "") => `/proc/self/fd/${descriptor}/${name}`;

/** Opens a file or directory. Null for anything else, and for a name that is not UTF-8 and so cannot be asked for. */
function openChild(parent: number, name: string): OpenChild | null {
  // Checked before it is opened: opening a device can have effects, and opening a pipe can wait for ever.
  const seen = lstatSync(at(parent, name), { throwIfNoEntry: false });
  if (seen === undefined || !(seen.isFile() || seen.isDirectory())) return null;
  const descriptor = openSync(at(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const found = fstatSync(descriptor);
  if (found.isDirectory()) return { descriptor, kind: "directory", size_bytes: 0, is_executable: true };
  return { descriptor, kind: "file", size_bytes: found.size, is_executable: (found.mode & 0o111) !== 0 };
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
