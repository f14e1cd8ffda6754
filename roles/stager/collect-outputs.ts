import { createHash } from "node:crypto";
import { limits } from "#shared/schemas/limits.ts";
import type { CollectConfig } from "./config.ts";
import { StagerError, storageError } from "./outcome.ts";
import { type TransferContext, upload } from "./transfer.ts";
import { listVolume, packVolume } from "./walk-volume.ts";

export interface CollectResult {
  readonly kind: "collect";
  readonly entries: number;
  readonly size_bytes: number;
  readonly digest: string;
  readonly skipped: number;
}

/** Sends the broker the archive of what the job left in the volume. */
export async function collectOutputs(
  config: CollectConfig,
  transfer: Omit<TransferContext, "url" | "token">,
): Promise<CollectResult> {
  const { volume_path: directory, output_bytes_max } = config;
  const bounds = { ...limits.archive, expanded_bytes_max: output_bytes_max };
  try {
    const listing = listVolume(directory, bounds);
    const context = { ...transfer, url: config.transfer_url, token: config.transfer_token };
    const headers = { "x-platform-skipped": String(listing.skipped) };
    let sent = "";
    async function* hashed() {
      const hash = createHash("sha256");
      for await (const chunk of packVolume(directory, listing)) {
        hash.update(chunk);
        yield chunk;
      }
      sent = hash.digest("hex");
    }
    const stored = await upload(context, listing.size_bytes, headers, hashed);
    // What we send is canonical already, so the broker's gate must come to the same bytes.
    if (sent !== "" && stored !== sent) throw new StagerError("internal", "the broker stored other bytes");
    const { size_bytes, skipped } = listing;
    return { kind: "collect", entries: listing.entries.length, size_bytes, digest: stored, skipped };
  } catch (error) {
    throw storageError(error, "reading the volume");
  }
}
