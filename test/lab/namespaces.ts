import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import type { Slot } from "./slot.ts";

/** The default search path of everything that runs in a lab. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Starts the first process of a set of namespaces, in `<slot>/<name>`. All processes in them die with it. */
export async function startNamespaces(slot: Slot, name: string): Promise<void> {
  const directory = join(slot.directory, name);
  for (const sub of ["etc", "etc.work", "lib", "lib.work", "run", "run/lock", "data"])
    mkdirSync(join(directory, sub), { recursive: true, mode: 0o755 });
  // Nothing listens on loopback, which refuses at once. So an engine that asks a registry for a tag does not wait 20 s.
  writeFileSync(join(directory, "etc/resolv.conf"), "nameserver 127.0.0.1\n");
  const log = join(directory, "init.log");
  const init = Bun.spawn(
    [
      "setsid",
      "unshare",
      "--net",
      "--mount",
      "--propagation",
      "private",
      "--uts",
      "--ipc",
      "--pid",
      "--fork",
      "sh",
      join(import.meta.dir, "machine.sh"),
      directory,
      name,
    ],
    { stdin: "ignore", stdout: "ignore", stderr: Bun.file(log), env: { PATH: systemPath }, cwd: "/" },
  );
  init.unref();
  await waitFor(() => existsSync(join(directory, "ready")) || init.exitCode !== null, {
    deadline_ms: 10_000,
    every_ms: 5,
    what: `boot of lab machine ${name}`,
  });
  if (init.exitCode !== null)
    throw new Error(`lab machine ${name} ended with ${init.exitCode}: ${readFileSync(log, "utf8").trim()}`);
}

/** The host's pid of that first process. */
export function initOf(slot: Slot, name: string): number {
  return Number(readFileSync(join(slot.directory, name, "init.pid"), "utf8"));
}
