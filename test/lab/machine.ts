import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import { type CommandResult, run, tryRun } from "./command.ts";
import type { Slot } from "./slot.ts";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
  /** Absolute; the root folder unless given. */
  readonly cwd?: string;
  /** The file in the machine's folder that gets its output. */
  readonly logName?: string;
}

/** A computer of the lab: network, mounts, host name and processes of its own; /etc, /var/lib and /run as well. */
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

/** Boots a machine on the slot's bridge, at the address that ends in `lastByte`. */
export async function bootMachine(slot: Slot, name: string, lastByte: number): Promise<Machine> {
  const directory = join(slot.directory, name);
  for (const sub of ["etc", "etc.work", "lib", "lib.work", "run", "run/lock", "data"])
    mkdirSync(join(directory, sub), { recursive: true, mode: 0o755 });
  const init = Bun.spawn(
    [
      ...["setsid", "unshare", "--net", "--mount", "--propagation", "private", "--uts", "--ipc", "--pid", "--fork"],
      ...["sh", join(import.meta.dir, "machine.sh"), directory, name],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: Bun.file(join(directory, "init.log")), env: { PATH: path }, cwd: "/" },
  );
  init.unref();
  await waitFor(
    () => {
      if (init.exitCode !== null) throw new Error(readFileSync(join(directory, "init.log"), "utf8"));
      return existsSync(join(directory, "ready"));
    },
    { deadline_ms: 10_000, every_ms: 5, what: `boot of lab machine ${name}` },
  );
  const machine = openMachine(slot, name, `${slot.subnet}.${lastByte}`);
  await connect(slot, machine);
  return machine;
}

const cableOf = (slot: Slot, ip: string): string => `${slot.bridge}-${ip.slice(ip.lastIndexOf(".") + 1)}`;

async function connect(slot: Slot, { directory, ip }: Machine): Promise<void> {
  const [pid, cable] = [initOf(directory), cableOf(slot, ip)];
  await run(["ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", `${pid}`]);
  await run(["ip", "link", "set", cable, "master", slot.bridge, "up"]);
  const script = `ip address add ${ip}/24 dev eth0 && ip link set eth0 up && ip route add default via ${slot.subnet}.1`;
  await run(["nsenter", "--target", `${pid}`, "--net", "sh", "-c", script]);
}

function initOf(directory: string): number {
  return Number(readFileSync(join(directory, "init.pid"), "utf8"));
}

/** A machine that was booted before, by this process or another. */
export function openMachine(slot: Slot, name: string, ip: string): Machine {
  const directory = join(slot.directory, name);
  const enter = ["nsenter", "--target", `${initOf(directory)}`, "--mount", "--uts", "--ipc", "--net", "--pid"];
  const cable = cableOf(slot, ip);
  return {
    name,
    ip,
    directory,
    exec: (command, options = {}) =>
      tryRun([...enter, "--wd=/", ...command], { ...options, env: { PATH: path, HOME: "/root" } }),
    spawn: (command, options = {}) => spawnIn(enter, directory, command, options),
    cut: async () => void (await run(["ip", "link", "set", cable, "down"])),
    restore: async () => void (await run(["ip", "link", "set", cable, "up"])),
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
    env: { PATH: path, HOME: "/root", ...env },
  });
  closeSync(descriptor);
  outer.unref();
  let hasEnded = false;
  const exited = outer.exited.finally(() => {
    hasEnded = true;
  });
  // nsenter enters the process namespace by forking: the program is its child, and signals have to go there.
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
