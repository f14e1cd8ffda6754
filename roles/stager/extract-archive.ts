import { chmodSync, closeSync, constants, fchmodSync, lstatSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  type ArchiveEntry,
  type ArchiveLimits,
  type ArchiveSummary,
  archiveEvents,
} from "#shared/archive/canonical-archive.ts";

export interface ExtractOptions {
  readonly directory: string;
  /** True: directories get mode 1777, so that any uid can use them. False: 0755. */
  readonly isWritable: boolean;
  readonly limits: ArchiveLimits;
}

/**
 * Extracts an archive into an empty directory that nothing else uses. The archive's gate makes the names safe. Files are
 * created with O_EXCL and O_NOFOLLOW anyhow, so that even after a failed gate nothing is written through a link.
 */
export async function extractArchive(
  source: AsyncIterable<Uint8Array>,
  options: ExtractOptions,
): Promise<ArchiveSummary> {
  const extraction = new Extraction(options);
  const events = archiveEvents(source, options.limits);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done) return next.value;
      if (next.value.kind === "entry") extraction.entry(next.value.entry);
      else extraction.data(next.value.data);
    }
  } finally {
    extraction.close();
    await events.return({ files: 0, directories: 0, content_bytes: 0 });
  }
}

class Extraction {
  readonly #options: ExtractOptions;
  readonly #made = new Set<string>([""]);
  #file: number | null = null;

  constructor(options: ExtractOptions) {
    this.#options = options;
  }

  entry(entry: ArchiveEntry): void {
    this.close();
    if (entry.kind === "directory") this.#directory(entry.name);
    else this.#create(entry);
  }

  #create(entry: ArchiveEntry): void {
    this.#directory(parentOf(entry.name));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.#file = openSync(join(this.#options.directory, entry.name), flags, 0o600);
    // Set by descriptor, because the umask has changed the mode at creation.
    fchmodSync(this.#file, entry.isExecutable ? 0o755 : 0o644);
  }

  data(chunk: Uint8Array): void {
    if (this.#file === null) throw new Error("data arrived before a file");
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#file, chunk, at);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  /** Makes a directory and its parents, which an archive need not name. */
  #directory(name: string): void {
    if (this.#made.has(name)) return;
    this.#directory(parentOf(name));
    const path = join(this.#options.directory, name);
    mkdirSync(path);
    if (!lstatSync(path).isDirectory()) throw new Error("a directory of the archive is something else on the disk");
    chmodSync(path, this.#options.isWritable ? 0o1777 : 0o755);
    this.#made.add(name);
  }
}

const parentOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf("/")));
