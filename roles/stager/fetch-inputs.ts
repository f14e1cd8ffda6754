import { createHash } from "node:crypto";
import { chmodSync, closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ArchiveError } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { FetchConfig } from "./config.ts";
import { extractArchive } from "./extract-archive.ts";
import { StagerError, storageError } from "./outcome.ts";
import { download, type TransferContext } from "./transfer.ts";

export interface FetchResult {
  readonly kind: "fetch";
  readonly entries: number;
  readonly size_bytes: number;
  readonly digest: string | null;
  /** True where the volume had been staged before: nothing was touched. */
  readonly repeated: boolean;
}

/**
 * Stands in the volume while it is being filled. No archive can hold this name (control characters are refused), so a
 * volume with it is half done and is begun anew, and one that is not empty without it is done and left alone: a stager
 * that Swarm starts a second time can't undo what the job has written since.
 */
export const unfinished_marker = "\u0001unfinished";

/** Fills the volume with the archive of the digest. */
export async function fetchInputs(
  config: FetchConfig,
  transfer: Omit<TransferContext, "url" | "token">,
): Promise<FetchResult> {
  const { volume_path: directory, transfer_url, transfer_token, digest } = config;
  try {
    const found = readdirSync(directory);
    const is_staged = found.length > 0 && !found.includes(unfinished_marker);
    if (is_staged) return { kind: "fetch", entries: 0, size_bytes: 0, digest: digest ?? null, repeated: true };
    for (const name of found) if (name !== unfinished_marker) rmSync(join(directory, name), { recursive: true });
    if (digest === undefined) {
      chmodSync(directory, rootMode(config));
      return { kind: "fetch", entries: 0, size_bytes: 0, digest: null, repeated: false };
    }
    if (transfer_url === undefined || transfer_token === undefined) {
      throw new StagerError("usage", "a digest needs PLATFORM_TRANSFER_URL and PLATFORM_TRANSFER_TOKEN");
    }
    const marker = join(directory, unfinished_marker);
    closeSync(openSync(marker, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600));
    const result = await extractVerified(config, digest, { ...transfer, url: transfer_url, token: transfer_token });
    chmodSync(directory, rootMode(config));
    rmSync(marker);
    return result;
  } catch (error) {
    if (error instanceof ArchiveError) throw new StagerError("input_refused", error.message, error);
    throw storageError(error, "filling the volume");
  }
}

const rootMode = (config: FetchConfig) => (config.writable ? 0o1777 : 0o755);

async function extractVerified(config: FetchConfig, digest: string, transfer: TransferContext): Promise<FetchResult> {
  const hash = createHash("sha256");
  let size_bytes = 0;
  async function* hashed() {
    for await (const chunk of download(transfer)) {
      hash.update(chunk);
      size_bytes += chunk.length;
      yield chunk;
    }
  }
  const bounds = {
    ...limits.archive,
    compressed_bytes_max: config.input_bytes_max,
    expanded_bytes_max: config.input_bytes_max,
  };
  const options = { directory: config.volume_path, is_writable: config.writable, limits: bounds };
  const summary = await extractArchive(hashed(), options);
  if (hash.digest("hex") !== digest) throw new StagerError("input_refused", "the bytes are not those of the digest");
  return { kind: "fetch", entries: summary.files + summary.directories, size_bytes, digest, repeated: false };
}
