import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EngineVersion, fetchEngine, type LabNode, type NodeSpec, openNode, startNode } from "./engine-node.ts";
import { buildJobImage } from "./job-image.ts";
import type { MachineProcess, SpawnOptions } from "./machine.ts";
import { type Registry, type RegistryAccount, startRegistry } from "./registry.ts";
import { missingForLab } from "./requirements.ts";
import { keepSlot, releaseSlot, type Slot, takeSlot } from "./slot.ts";
import { formSwarm, type SwarmOptions } from "./swarm.ts";
import { startSwitch } from "./switch.ts";

export interface LabOptions extends SwarmOptions {
  /** By default 26.1. */
  readonly engine?: EngineVersion;
  /** Manager first. By default `manager`, `worker-cpu`, and `worker-gpu` with two GPUs. */
  readonly nodes?: readonly [NodeSpec, ...NodeSpec[]];
  /** True: the lab outlives this process, until `down` removes it. */
  readonly keep?: boolean;
}

/** A real Docker Swarm on this machine. */
export interface Lab extends AsyncDisposable {
  readonly id: number;
  readonly directory: string;
  readonly manager: LabNode;
  readonly workers: readonly LabNode[];
  node(name: string): LabNode;
  /** Starts the lab's OCI registry, open to all or only to this account. Later calls give the same one. */
  startRegistry(account?: RegistryAccount): Promise<Registry>;
  /** Starts a process in the manager's network, mounts and process tree, as a host process of it. */
  spawnOnManager(
    command: readonly string[],
    env?: Readonly<Record<string, string>>,
    options?: SpawnOptions,
  ): Promise<MachineProcess>;
  stop(): Promise<void>;
}

const defaultNodes: readonly [NodeSpec, ...NodeSpec[]] = [
  { name: "manager" },
  { name: "worker-cpu", workload: "cpu" },
  { name: "worker-gpu", workload: "gpu", gpu_count: 2 },
];
const firstNodeByte = 10;
const registryByte = 5;

interface LabRecord {
  readonly engineFolder: string;
  readonly nodes: readonly NodeSpec[];
}

/**
 * Starts a Swarm whose nodes all have the job image, and resolves when every node is Ready. First removes the labs of crashed
 * processes.
 *
 * @throws Error that says what this machine lacks for a lab
 */
export async function startLab({
  engine = "26.1",
  nodes = defaultNodes,
  keep = false,
  ...swarm
}: LabOptions = {}): Promise<Lab> {
  const missing = await missingForLab();
  if (missing.length > 0) throw new Error(missing.join("; "));
  const engineFolder = await fetchEngine(engine);
  const slot = await takeSlot(engine);
  try {
    await startSwitch(slot);
    const started = await Promise.all(
      nodes.map((spec, index) => startNode(slot, spec, firstNodeByte + index, engineFolder)),
    );
    const [manager, ...workers] = started;
    if (!manager) throw new Error("a lab needs a manager");
    await Promise.all([formSwarm(manager, workers, swarm), loadJobImage(started)]);
    writeFileSync(join(slot.directory, "lab.json"), JSON.stringify({ engineFolder, nodes } satisfies LabRecord));
    if (keep) keepSlot(slot);
    return labOf(slot, manager, workers);
  } catch (error) {
    await releaseSlot(slot);
    throw error;
  }
}

/** A lab that was started before, by this process or another. */
export function openLab(slot: Slot): Lab {
  const { nodes, engineFolder } = JSON.parse(readFileSync(join(slot.directory, "lab.json"), "utf8")) as LabRecord;
  const [manager, ...workers] = nodes.map((spec, index) => openNode(slot, spec, firstNodeByte + index, engineFolder));
  if (!manager) throw new Error(`lab ${slot.number} has no manager`);
  return labOf(slot, manager, workers);
}

function labOf(slot: Slot, manager: LabNode, workers: readonly LabNode[]): Lab {
  let registry: Promise<Registry> | undefined;
  const stop = () => releaseSlot(slot);
  return {
    id: slot.number,
    directory: slot.directory,
    manager,
    workers,
    node: (name) => {
      const found = [manager, ...workers].find((node) => node.name === name);
      if (!found) throw new Error(`no node ${name} in the lab`);
      return found;
    },
    startRegistry: (account) => {
      registry ??= startRegistry(slot, registryByte, account);
      return registry;
    },
    spawnOnManager: (command, env = {}, options = {}) => manager.spawn(command, { env, ...options }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function loadJobImage(nodes: readonly LabNode[]): Promise<void> {
  const path = join(nodes[0]?.directory ?? "", "job-image.tar");
  await Bun.write(path, await buildJobImage());
  await Promise.all(nodes.map((node) => node.loadImage(path)));
}
