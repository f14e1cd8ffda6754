import type { Sha256 } from "#shared/schemas/names.ts";

export interface StoredBlob {
  readonly digest: Sha256;
  readonly size_bytes: number;
  /** True where the same bytes were already there. */
  readonly isKnown: boolean;
}

export interface PutOptions {
  readonly size_bytes_max?: number;
  /** Also below the floor of free space, which is kept for what must not be lost: results. */
  readonly mayUseReserve?: boolean;
  /** Asked when the bytes are written and before anybody can see them; what it throws leaves none of them. */
  admit?(blob: StoredBlob): Promise<void>;
}

export interface ListedBlob {
  readonly digest: Sha256;
  readonly size_bytes: number;
  /** When the blob was last put. What has no row and is older than the longest transaction may be deleted. */
  readonly stored_at: Date;
}

export interface BlobReading {
  /** Of the whole blob, not of the range. */
  readonly size_bytes: number;
  /** Has to be read or cancelled: it holds an open file. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * Bytes by their SHA-256. It knows no owners, quotas or references: those are rows of whoever uses it, written after
 * `put` has resolved and deleted before `delete` is called.
 */
export interface BlobStore {
  /**
   * Stores what `source` yields; when it resolves, the bytes survive a power cut. An error of the source passes through
   * unchanged and leaves nothing behind, and so does a source that takes longer than `blob_ms_max`. Throws BlobError.
   */
  put(source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredBlob>;
  /** Reads `[start, end)`, by default all; null where there is no such blob. */
  open(digest: Sha256, range?: { readonly start?: number; readonly end?: number }): Promise<BlobReading | null>;
  size(digest: Sha256): Promise<number | null>;
  /** Whether there was one. */
  delete(digest: Sha256): Promise<boolean>;
  list(): AsyncIterable<ListedBlob>;
  /** Deletes what processes that died were writing. @returns how many files */
  removeAbandoned(): Promise<number>;
  /** What the file system has left for us. */
  freeBytes(): Promise<number>;
}

/**
 * `storage_full`: below the floor of free space, to be answered 503. `blob_too_large`: over `size_bytes_max`. `blob_too_slow`: it took
 * longer than `blob_ms_max`.
 */
export class BlobError extends Error {
  readonly code: "storage_full" | "blob_too_large" | "blob_too_slow";

  constructor(code: BlobError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "BlobError";
    this.code = code;
  }
}
