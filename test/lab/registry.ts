import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import { run } from "./command.ts";
import { bootMachine } from "./machine.ts";
import type { Slot } from "./slot.ts";

/** A running OCI registry, reachable from the host and every node. The nodes' engines accept it without TLS. */
export interface Registry {
  /** What goes before the repository in an image's name. */
  readonly host: string;
  readonly url: string;
  cut(): Promise<void>;
  restore(): Promise<void>;
}

export interface RegistryAccount {
  readonly username: string;
  readonly password: string;
}

const port = 5000;
const engineScript = join(import.meta.dir, "../../deploy/engine.sh");

/** Starts Debian's docker-registry on a machine of its own. With an account, it refuses all others. */
export async function startRegistry(slot: Slot, lastByte: number, account?: RegistryAccount): Promise<Registry> {
  const folder = await run([engineScript, "package", "own", "docker-registry"], { timeout_ms: 300_000 });
  const machine = await bootMachine(slot, "registry", lastByte);
  const storage = join(machine.directory, "data");
  mkdirSync(storage, { recursive: true });
  const config = {
    version: "0.1",
    log: { accesslog: { disabled: true }, level: "warn" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `${machine.ip}:${port}` },
    ...(account ? { auth: { htpasswd: { realm: "lab", path: await passwordFile(machine.directory, account) } } } : {}),
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
  await waitFor(
    async () => hasEnded || (await fetch(`${url}/v2/`, { signal: AbortSignal.timeout(1_000) })).status < 500,
    {
      deadline_ms: 10_000,
      what: "start of the registry",
    },
  );
  if (hasEnded) throw new Error(`the registry ended: ${server.output().slice(-2_000)}`);
  return { host: `${machine.ip}:${port}`, url, cut: machine.cut, restore: machine.restore };
}

async function passwordFile(directory: string, { username, password }: RegistryAccount): Promise<string> {
  const path = join(directory, "htpasswd");
  const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
  writeFileSync(path, `${username}:${hash.replace(/^\$2b\$/, "$2y$")}\n`);
  return path;
}
