import { createHash } from "node:crypto";
import { chmodSync, closeSync, constants, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ArchiveError } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { FetchMount } from "#shared/schemas/stager.ts";
import type { FetchConfig } from "./config.ts";
import { eachMount } from "./each-mount.ts";
import { type ExtractOptions, extractArchive } from "./extract-archive.ts";
import { StagerError, storageError } from "./outcome.ts";
import { download, type TransferContext } from "./transfer.ts";
import { isBelowFloor } from "./worker-disk.ts";

export interface FetchedMount {
  readonly index: number;
  readonly entries: number;
  readonly size_bytes: number;
  readonly digest: string | null;
  /** True when the volume had been filled before. Then nothing was changed. */
  readonly repeated: boolean;
}

/**
 * Marks a volume that is being filled. No archive can hold this name, because control characters are refused. A volume with
 * the marker is half done and is filled anew. A volume that is not empty and has no marker is done and left alone. So a
 * stager that Swarm starts a second time cannot undo what the job has written since.
 */
export const unfinishedMarker = "\u0001unfinished";

/** Fills the job's volumes with their input archives. */
export async function fetchInputs(
  config: FetchConfig,
  transfer: Omit<TransferContext, "url" | "token">,
): Promise<{ readonly kind: "fetch"; readonly mounts: readonly FetchedMount[] }> {
  await requireSpace(config);
  const fetchOne = (mount: FetchMount) =>
    fetchInput(join(config.volumes_path, String(mount.index)), mount, config, {
      ...transfer,
      url: `${config.transfer_url}/inputs/${mount.index}`,
    });
  return { kind: "fetch", mounts: await eachMount(config.mounts, fetchOne) };
}

/** Refuses to fill volumes on a worker whose disk is below its floor (jobs §5). @throws StagerError "storage" */
async function requireSpace(config: FetchConfig): Promise<void> {
  const first = join(config.volumes_path, String(config.mounts[0]?.index ?? 0));
  if (await isBelowFloor(first, config)) throw new StagerError("storage", "the worker's disk is below its floor");
}

async function fetchInput(
  directory: string,
  { index, writable, digest, token }: FetchMount,
  config: FetchConfig,
  transfer: Omit<TransferContext, "token">,
): Promise<FetchedMount> {
  try {
    const found = readdirSync(directory);
    const isStaged = found.length > 0 && !found.includes(unfinishedMarker);
    if (isStaged) return { index, entries: 0, size_bytes: 0, digest, repeated: true };
    for (const name of found) if (name !== unfinishedMarker) rmSync(join(directory, name), { recursive: true });
    const mode = writable ? 0o1777 : 0o755;
    if (digest === null) {
      chmodSync(directory, mode);
      return { index, entries: 0, size_bytes: 0, digest, repeated: false };
    }
    if (token === null) throw new StagerError("usage", `mount ${index} has a digest but no token`);
    const marker = join(directory, unfinishedMarker);
    closeSync(openSync(marker, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600));
    const options = { directory, isWritable: writable, limits: boundsOf(config) };
    const result = await extractVerified(options, digest, { ...transfer, token });
    chmodSync(directory, mode);
    rmSync(marker);
    return { index, ...result, digest, repeated: false };
  } catch (error) {
    if (error instanceof ArchiveError) throw new StagerError("input_refused", error.message, error);
    throw storageError(error, "filling the volume");
  }
}

const boundsOf = ({ input_bytes_max }: FetchConfig) => ({
  ...limits.archive,
  compressed_bytes_max: input_bytes_max,
  expanded_bytes_max: input_bytes_max,
});

async function extractVerified(options: ExtractOptions, digest: string, transfer: TransferContext) {
  const hash = createHash("sha256");
  let size_bytes = 0;
  async function* hashed() {
    for await (const chunk of download(transfer)) {
      hash.update(chunk);
      size_bytes += chunk.length;
      yield chunk;
    }
  }
  const summary = await extractArchive(hashed(), options);
  if (hash.digest("hex") !== digest)
    throw new StagerError("input_refused", "the downloaded bytes do not have the expected digest");
  return { entries: summary.files + summary.directories, size_bytes };
}
