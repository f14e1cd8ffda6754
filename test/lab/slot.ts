import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../support/wait-for.ts";
import { tryRun } from "./command.ts";
import { identify, isAlive, type ProcessIdentity } from "./owner.ts";

/** The folder of labs. It is on a real file system, because an overlay cannot hold an engine's layers. Its path is short, for sockets. */
export const labRoot = process.env["PLATFORM_LAB_ROOT"] ?? "/var/tmp/platform-lab";

const slots_max = 64;

/** One lab's share of the host: a number, and the folder, network link and subnet that follow from it. */
export interface Slot {
  readonly number: number;
  readonly directory: string;
  /** The host's end of the cable to the lab's switch. */
  readonly link: string;
  /** First three bytes of its /24. */
  readonly subnet: string;
}

function slotOf(number: number): Slot {
  return { number, directory: join(labRoot, `${number}`), link: `plab${number}`, subnet: `10.77.${number}` };
}

/** The name of the control group of a machine's containers. */
export function cgroupOf(slot: Slot, machine: string): string {
  return `platform-lab-${slot.number}-${machine}`;
}

/** Runs `act` while no other process of this host does. A crash inside releases the lock. */
async function alone<T>(act: () => Promise<T>): Promise<T> {
  mkdirSync(labRoot, { recursive: true, mode: 0o755 });
  const holder = Bun.spawn(["flock", join(labRoot, "lock"), "sh", "-c", "echo held; exec cat"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await holder.stdout.getReader().read();
  if (value === undefined) throw new Error(`could not lock ${labRoot}`);
  try {
    return await act();
  } finally {
    holder.stdin.end();
    await holder.exited;
  }
}

function self(): ProcessIdentity {
  const identity = identify(process.pid);
  if (!identity) throw new Error("this process is not in /proc");
  return identity;
}

interface Ownership {
  /** Null: started by the command line, and kept until `down`. */
  readonly owner: ProcessIdentity | null;
  readonly engine: string;
  readonly started_at: string;
}

function ownershipOf(slot: Slot): Ownership | undefined {
  const path = join(slot.directory, "owner.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Ownership) : undefined;
}

function writeOwnership(slot: Slot, ownership: Ownership): void {
  const path = join(slot.directory, "owner.json");
  writeFileSync(`${path}.new`, JSON.stringify(ownership));
  renameSync(`${path}.new`, path);
}

/** Every lab of this host that still has an owner, or is kept on purpose. */
export function listSlots(): { slot: Slot; ownership: Ownership | undefined }[] {
  if (!existsSync(labRoot)) return [];
  const numbers = readdirSync(labRoot).filter((name) => /^\d+$/.test(name));
  return numbers
    .map(Number)
    .sort((a, b) => a - b)
    .map((number) => ({ slot: slotOf(number), ownership: ownershipOf(slotOf(number)) }));
}

/** Removes the labs of crashed runs, then takes the first free slot for this process. */
export async function takeSlot(engine: string): Promise<Slot> {
  return await alone(async () => {
    await reclaimAbandoned();
    for (let number = 0; number < slots_max; number += 1) {
      const slot = slotOf(number);
      if (existsSync(slot.directory)) continue;
      mkdirSync(slot.directory, { mode: 0o755 });
      writeOwnership(slot, { owner: self(), engine, started_at: new Date().toISOString() });
      return slot;
    }
    throw new Error(`all ${slots_max} lab slots are taken: see "bun run test/lab/main.ts list"`);
  });
}

/** Gives the slot up without an owner, so that it outlives this process, until `down`. */
export function keepSlot(slot: Slot): void {
  const ownership = ownershipOf(slot);
  if (ownership) writeOwnership(slot, { ...ownership, owner: null });
}

/** Removes every lab whose owner is gone. */
export async function reclaim(): Promise<void> {
  await alone(reclaimAbandoned);
}

async function reclaimAbandoned(): Promise<void> {
  for (const { slot, ownership } of listSlots()) {
    const isKept = ownership?.owner === null;
    const hasOwner = ownership?.owner !== null && ownership?.owner !== undefined && isAlive(ownership.owner);
    if (isKept || hasOwner) continue;
    // A lab that cannot be removed keeps its slot, but does not stop the next lab from starting.
    await clear(slot).catch((error: unknown) => process.stderr.write(`lab ${slot.number} stays: ${error}\n`));
  }
}

/** Ends every process of a lab and removes all it had on this host. */
export async function releaseSlot(slot: Slot): Promise<void> {
  await alone(() => clear(slot));
}

async function clear(slot: Slot): Promise<void> {
  if (!existsSync(slot.directory)) return;
  const machines = readdirSync(slot.directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  await Promise.all(machines.map(({ name }) => endMachine(slot, name)));
  // A dead namespace frees its interfaces a little later. Deleting the cable's outer end removes both at once.
  if (existsSync(`/sys/class/net/${slot.link}`)) await tryRun(["ip", "link", "delete", slot.link]);
  await Promise.all(machines.map(({ name }) => removeCgroups(cgroupOf(slot, name))));
  rmSync(slot.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

async function endMachine(slot: Slot, name: string): Promise<void> {
  const directory = join(slot.directory, name);
  const pidFile = join(directory, "init.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (!isMachineInit(pid, directory)) return;
  process.kill(pid, "SIGKILL");
  await waitFor(() => identify(pid) === undefined, { deadline_ms: 20_000, what: `end of lab machine ${name}` });
}

/** Whether the process is the init of the machine in that folder: its /run is the machine's, which no other process's is. */
function isMachineInit(pid: number, directory: string): boolean {
  if (!Number.isInteger(pid) || pid < 2 || identify(pid) === undefined) return false;
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
  return mounts.includes(`${directory}/run /run `) || commandLine.includes(`\0${directory}\0`);
}

async function removeCgroups(name: string): Promise<void> {
  const { stdout } = await tryRun(["find", "/sys/fs/cgroup", "-maxdepth", "2", "-type", "d", "-name", name]);
  for (const top of stdout.split("\n").filter(Boolean)) {
    await waitFor(
      async () =>
        (await tryRun(["find", top, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"])) && !existsSync(top),
      { deadline_ms: 5_000, every_ms: 100, what: `removal of ${top}` },
    );
  }
}
