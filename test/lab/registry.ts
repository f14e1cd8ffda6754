import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import { run } from "./command.ts";
import { bootMachine } from "./machine.ts";
import type { Slot } from "./slot.ts";

/** A running OCI registry, reachable from the host and every node; the nodes' engines take it without TLS. */
export interface Registry {
  /** What goes before the repository in an image's name. */
  readonly host: string;
  readonly url: string;
  cut(): Promise<void>;
  restore(): Promise<void>;
}

const port = 5000;
const engineScript = join(import.meta.dir, "../../deploy/engine.sh");

/** Debian's docker-registry on a machine of its own. */
export async function startRegistry(slot: Slot, lastByte: number): Promise<Registry> {
  const folder = await run([engineScript, "package", "own", "docker-registry"], { timeout_ms: 300_000 });
  const machine = await bootMachine(slot, "registry", lastByte);
  const storage = join(machine.directory, "data");
  mkdirSync(storage, { recursive: true });
  const config = {
    version: "0.1",
    log: { accesslog: { disabled: true }, level: "warn" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `${machine.ip}:${port}` },
  };
  const configPath = join(machine.directory, "registry.yml");
  writeFileSync(configPath, JSON.stringify(config));
  const server = await machine.spawn([`${folder}/usr/bin/docker-registry`, "serve", configPath], {
    logName: "registry.log",
  });
  let hasEnded = false;
  void server.exited.then(() => {
    hasEnded = true;
  });
  const url = `http://${machine.ip}:${port}`;
  await waitFor(async () => hasEnded || (await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(1_000) })).ok, {
    deadline_ms: 10_000,
    what: "start of the registry",
  });
  if (hasEnded) throw new Error(`the registry ended: ${server.output().slice(-2_000)}`);
  return { host: `${machine.ip}:${port}`, url, cut: machine.cut, restore: machine.restore };
}
