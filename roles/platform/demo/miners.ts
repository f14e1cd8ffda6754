import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UploadSigner } from "#shared/auth/upload-signature.ts";
import { deriveHotkey } from "#shared/chain/hotkey.ts";
import { runDirectory } from "../install/host-files.ts";

/** The sample programs, one for each of the demonstration's miners. */
export const samples = ["exact", "even-only", "multiples-of-four"] as const;

/** Reads the miners' sr25519 keys from the file at `path`. If the file is missing, it is made with new keys. */
export async function demoMiners(path: string): Promise<readonly UploadSigner[]> {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true });
    const seeds = samples.map(() => `0x${randomBytes(32).toString("hex")}`);
    writeFileSync(path, `${JSON.stringify(seeds)}\n`, { mode: 0o600 });
  }
  const seeds = JSON.parse(readFileSync(path, "utf8")) as string[];
  return await Promise.all(seeds.map((seed) => deriveHotkey(seed)));
}

/**
 * Registers a hotkey on the development chain, through a socket that only root can open. A hotkey that is registered
 * already keeps its uid.
 */
export async function registerOnDevelopmentChain(netuid: number, hotkey: string): Promise<void> {
  const response = await fetch("http://devchain/", {
    unix: join(runDirectory, "devchain", "dev.sock"),
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "dev_registerNeuron", params: [netuid, { hotkey }] }),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = (await response.json()) as { error?: { message: string } };
  if (answer.error) throw new Error(`the development chain did not register ${hotkey}: ${answer.error.message}`);
}
