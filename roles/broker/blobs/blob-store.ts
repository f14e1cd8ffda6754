import type { Sha256 } from "#shared/schemas/names.ts";

export interface StoredBlob {
  readonly digest: Sha256;
  readonly size_bytes: number;
  /** True when the same bytes were stored before. */
  readonly isKnown: boolean;
}

export interface PutOptions {
  /** Writes even below the floor of free space. That reserve is for results, which must not be lost. */
  readonly mayUseReserve?: boolean;
  /** Called when the bytes are written, before anybody can see them. When it throws, the bytes are deleted. */
  admit?(blob: StoredBlob): Promise<void>;
}

export interface ListedBlob {
  readonly digest: Sha256;
  readonly size_bytes: number;
  /** When the blob was last put. A blob without a row may be deleted once it is older than the longest transaction. */
  readonly stored_at: Date;
}

export interface BlobReading {
  /** The size of the whole blob, not of the range. */
  readonly size_bytes: number;
  /** Holds an open file until it is read to its end or cancelled. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Bytes by their SHA-256. The store knows no owners, quotas or references. Those are rows of its users, written after
 * `put` has resolved and deleted before `delete` is called.
 */
export interface BlobStore {
  /**
   * Stores what `source` yields. When it resolves, the bytes survive a power cut. An error of the source is rethrown as
   * it is. A failed `put` leaves nothing behind.
   *
   * @throws BlobError when the disk is full or the source too slow
   */
  put(source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredBlob>;
  /** Reads `[start, end)`, by default all; null when there is no such blob. */
  open(digest: Sha256, range?: { readonly start?: number; readonly end?: number }): Promise<BlobReading | null>;
  size(digest: Sha256): Promise<number | null>;
  /** Deletes the blob. @returns whether it existed */
  delete(digest: Sha256): Promise<boolean>;
  list(): AsyncIterable<ListedBlob>;
  /** Deletes unfinished files of dead processes. @returns how many files */
  removeAbandoned(): Promise<number>;
  /** Free bytes of the file system, as far as this process may use them. */
  freeBytes(): Promise<number>;
}

/**
 * `storage_full`: free space is below the floor; answered with 503. `blob_too_slow`: the source took longer than
 * `blob_ms_max`.
 */
export class BlobError extends Error {
  readonly code: "storage_full" | "blob_too_slow";

  constructor(code: BlobError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "BlobError";
    this.code = code;
  }
}
