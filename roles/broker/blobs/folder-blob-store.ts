import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, opendir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "#shared/schemas/limits.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import {
  BlobError,
  type BlobReading,
  type BlobStore,
  type ListedBlob,
  type PutOptions,
  type StoredBlob,
} from "./blob-store.ts";
import { GroupedSync } from "./grouped-sync.ts";
import { readRange } from "./read-range.ts";
import { unlessMissing } from "./unless-missing.ts";
import { untilLate } from "./until-late.ts";

export interface FolderBlobStoreOptions {
  readonly directory: string;
  /** Below this much free space `put` is refused. */
  readonly free_bytes_min: number;
  /** Tells the age of temporary files. */
  readonly clock: Clock;
}

/** A temporary file untouched for this long belongs to a dead process: no `put` of any broker takes longer. */
const abandoned_after_ms = limits.jobs.blob_ms_max + 60_000;
/** The free space is checked again after this many bytes. */
const space_check_bytes = 8 * 1024 * 1024;
const digestForm = /^[0-9a-f]{64}$/;

/** Opens a blob store on a folder. Creates `sha256/<digest>` and `incoming/`, and deletes abandoned files there. */
export async function openFolderBlobStore(options: FolderBlobStoreOptions): Promise<BlobStore> {
  const incoming = join(options.directory, "incoming");
  const blobs = join(options.directory, "sha256");
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  const store = new FolderBlobStore(options, incoming, blobs);
  await store.removeAbandoned();
  return store;
}

class FolderBlobStore implements BlobStore {
  readonly #options: FolderBlobStoreOptions;
  readonly #incoming: string;
  readonly #blobs: string;
  readonly #renames: GroupedSync;

  constructor(options: FolderBlobStoreOptions, incoming: string, blobs: string) {
    this.#options = options;
    this.#incoming = incoming;
    this.#blobs = blobs;
    this.#renames = new GroupedSync(blobs);
  }

  async put(source: AsyncIterable<Uint8Array>, { mayUseReserve = false, admit }: PutOptions = {}): Promise<StoredBlob> {
    if (!mayUseReserve) await this.#checkSpace();
    const temporary = join(this.#incoming, randomBytes(16).toString("hex"));
    try {
      const file = await open(temporary, "wx", 0o600);
      const { digest, size_bytes } = await this.#write(file, source, mayUseReserve);
      const isKnown = (await this.size(digest)) !== null;
      await admit?.({ digest, size_bytes, isKnown });
      // A known blob is replaced as well: its file is then new, and `list` shows that it was put again.
      await rename(temporary, this.#path(digest));
      await this.#renames.sync();
      return { digest, size_bytes, isKnown };
    } catch (error) {
      await rm(temporary, { force: true });
      throw isNoSpace(error) ? new BlobError("storage_full", "no space left for blobs", error) : error;
    }
  }

  async #write(file: FileHandle, source: AsyncIterable<Uint8Array>, mayUseReserve: boolean) {
    const hash = createHash("sha256");
    let size_bytes = 0;
    let checked_bytes = 0;
    const take = async (deadline: AbortSignal) => {
      for await (const chunk of untilLate(source, deadline, tooSlow)) {
        size_bytes += chunk.length;
        if (!mayUseReserve && size_bytes - checked_bytes > space_check_bytes) {
          await this.#checkSpace();
          checked_bytes = size_bytes;
        }
        hash.update(chunk);
        await file.writeFile(chunk);
      }
    };
    try {
      await withDeadline(this.#options.clock, limits.jobs.blob_ms_max, take);
      await file.datasync();
    } finally {
      await file.close();
    }
    return { digest: hash.digest("hex") as Sha256, size_bytes };
  }

  async open(
    digest: Sha256,
    range: { readonly start?: number; readonly end?: number } = {},
  ): Promise<BlobReading | null> {
    const file = await unlessMissing(open(this.#path(digest), "r"));
    if (file === null) return null;
    const { size: size_bytes } = await file.stat();
    const start = Math.min(Math.max(range.start ?? 0, 0), size_bytes);
    const end = Math.min(Math.max(range.end ?? size_bytes, start), size_bytes);
    return { size_bytes, stream: readRange(file, start, end) };
  }

  async size(digest: Sha256): Promise<number | null> {
    return (await unlessMissing(stat(this.#path(digest))))?.size ?? null;
  }

  async delete(digest: Sha256): Promise<boolean> {
    return (await unlessMissing(rm(this.#path(digest)).then(() => true))) ?? false;
  }

  async *list(): AsyncGenerator<ListedBlob> {
    for await (const { name } of await opendir(this.#blobs)) {
      if (!digestForm.test(name)) continue;
      const digest = name as Sha256;
      const found = await unlessMissing(stat(this.#path(digest)));
      if (found !== null) yield { digest, size_bytes: found.size, stored_at: found.mtime };
    }
  }

  async removeAbandoned(): Promise<number> {
    const now_ms = this.#options.clock.now();
    let count = 0;
    for await (const { name } of await opendir(this.#incoming)) {
      const path = join(this.#incoming, name);
      const found = await unlessMissing(stat(path));
      if (found === null || now_ms - found.mtimeMs <= abandoned_after_ms) continue;
      await rm(path, { force: true });
      count += 1;
    }
    return count;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#options.directory);
    return bavail * bsize;
  }

  async #checkSpace(): Promise<void> {
    if ((await this.freeBytes()) < this.#options.free_bytes_min) {
      throw new BlobError("storage_full", "too little space left for blobs");
    }
  }

  /** The digest's form is checked again here, because it becomes part of a path. */
  #path(digest: Sha256): string {
    if (!digestForm.test(digest)) throw new RangeError("not a SHA-256 digest");
    return join(this.#blobs, digest);
  }
}

const tooSlow = () => new BlobError("blob_too_slow", "the blob took longer than its time limit");
const isNoSpace = (error: unknown) => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException)?.code ?? "");
