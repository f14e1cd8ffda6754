import { createHash } from "node:crypto";
import { join } from "node:path";
import { limits } from "#shared/schemas/limits.ts";
import { type SkippedNames, skippedHeader, skippedHeaderOf } from "#shared/schemas/stager.ts";
import type { CollectConfig } from "./config.ts";
import { eachMount } from "./each-mount.ts";
import { StagerError, storageError } from "./outcome.ts";
import { type TransferContext, upload } from "./transfer.ts";
import { listVolume, packVolume } from "./walk-volume.ts";
import { isBelowFloor } from "./worker-disk.ts";

export interface CollectedMount {
  readonly index: number;
  readonly entries: number;
  readonly size_bytes: number;
  readonly digest: string;
  readonly skipped: SkippedNames;
}

export interface CollectResult {
  readonly kind: "collect";
  readonly mounts: readonly CollectedMount[];
  /** Whether the worker's disk was below its floor, just after the job's end. */
  readonly is_disk_low: boolean;
}

/** Sends the broker the archives of what the job left in its volumes. */
export async function collectOutputs(
  config: CollectConfig,
  transfer: Omit<TransferContext, "url" | "token">,
): Promise<CollectResult> {
  const first = join(config.volumes_path, String(config.mounts[0]?.index ?? 0));
  const is_disk_low = await isBelowFloor(first, config);
  const mounts = await eachMount(config.mounts, async ({ index, token }) => {
    const context = { ...transfer, url: `${config.transfer_url}/outputs/${index}`, token };
    const sent = await collectOutput(join(config.volumes_path, String(index)), config.output_bytes_max, context);
    return { index, ...sent };
  });
  return { kind: "collect", mounts, is_disk_low };
}

async function collectOutput(directory: string, output_bytes_max: number, context: TransferContext) {
  const bounds = { ...limits.archive, expanded_bytes_max: output_bytes_max };
  try {
    const listing = listVolume(directory, bounds);
    const headers = { [skippedHeader]: skippedHeaderOf(listing.skipped) };
    let sent = "";
    async function* hashed() {
      const hash = createHash("sha256");
      for await (const chunk of packVolume(directory, listing)) {
        hash.update(chunk);
        yield chunk;
      }
      sent = hash.digest("hex");
    }
    const digest = await upload(context, listing.size_bytes, headers, hashed);
    // The sent archive is canonical, so the broker's gate must produce the same bytes.
    if (sent !== "" && digest !== sent)
      throw new StagerError("internal", "the broker stored other bytes than were sent");
    const { size_bytes, skipped } = listing;
    return { entries: listing.entries.length, size_bytes, digest, skipped };
  } catch (error) {
    throw storageError(error, "reading the volume");
  }
}
