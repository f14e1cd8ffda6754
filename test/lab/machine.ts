import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import { type CommandResult, tryRun } from "./command.ts";
import { initOf, startNamespaces, systemPath } from "./namespaces.ts";
import type { Slot } from "./slot.ts";
import { plugIn, setPort } from "./switch.ts";

/** A process that runs inside a machine. */
export interface MachineProcess {
  /** Its pid on the host. */
  readonly pid: number;
  /** Resolves with the exit code; 128 + n after signal n. */
  readonly exited: Promise<number>;
  /** What it has written to standard output and error so far. */
  output(): string;
  kill(signal?: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Absolute; by default the root folder. */
  readonly cwd?: string;
  /** The file in the machine's folder that gets its output. */
  readonly logName?: string;
}

/** A computer of the lab, with its own network, mounts, host name and processes, and its own /etc, /var/lib and /run. */
export interface Machine {
  readonly name: string;
  readonly ip: string;
  /** Its folder on the host; its `/run` is `<directory>/run`. */
  readonly directory: string;
  exec(command: readonly string[], options?: { timeout_ms?: number }): Promise<CommandResult>;
  spawn(command: readonly string[], options?: SpawnOptions): Promise<MachineProcess>;
  /** Takes the network cable out. */
  cut(): Promise<void>;
  /** Puts it back. */
  restore(): Promise<void>;
}

/** Boots a machine on the slot's switch, at the address that ends in `lastByte`. */
export async function bootMachine(slot: Slot, name: string, lastByte: number): Promise<Machine> {
  await startNamespaces(slot, name);
  await plugIn(slot, name, lastByte);
  return openMachine(slot, name, lastByte);
}

/** A machine that was booted before, by this process or another. */
export function openMachine(slot: Slot, name: string, lastByte: number): Machine {
  const directory = join(slot.directory, name);
  const enter = ["nsenter", "--target", `${initOf(slot, name)}`, "--mount", "--uts", "--ipc", "--net", "--pid"];
  return {
    name,
    ip: `${slot.subnet}.${lastByte}`,
    directory,
    exec: (command, options = {}) =>
      tryRun([...enter, "--wd=/", ...command], { ...options, env: { PATH: systemPath, HOME: "/root" } }),
    spawn: (command, options = {}) => spawnIn(enter, directory, command, options),
    cut: () => setPort(slot, lastByte, "down"),
    restore: () => setPort(slot, lastByte, "up"),
  };
}

async function spawnIn(
  enter: readonly string[],
  directory: string,
  command: readonly string[],
  { env = {}, cwd = "/", logName = "output.log" }: SpawnOptions,
): Promise<MachineProcess> {
  const log = join(directory, logName);
  const descriptor = openSync(log, "a");
  const outer = Bun.spawn(["setsid", ...enter, `--wd=${cwd}`, ...command], {
    stdin: "ignore",
    stdout: descriptor,
    stderr: descriptor,
    env: { PATH: systemPath, HOME: "/root", ...env },
  });
  closeSync(descriptor);
  outer.unref();
  let hasEnded = false;
  const exited = outer.exited.finally(() => {
    hasEnded = true;
  });
  // nsenter forks to enter the process namespace. The program is its child, and signals must go to that.
  const childrenFile = `/proc/${outer.pid}/task/${outer.pid}/children`;
  const pid = await waitFor(() => (hasEnded ? -1 : Number(readFileSync(childrenFile, "utf8").trim())), {
    deadline_ms: 10_000,
    every_ms: 2,
    what: `start of ${command[0]}`,
  });
  return {
    pid,
    exited,
    output: () => readFileSync(log, "utf8"),
    kill: (signal = "SIGTERM") => {
      if (!hasEnded && pid > 0) process.kill(pid, signal);
    },
  };
}
