import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import { waitFor } from "../support/wait-for.ts";
import { run } from "./command.ts";
import { bootMachine, type Machine, type MachineProcess, openMachine } from "./machine.ts";
import { cgroupOf, type Slot } from "./slot.ts";

const repository = join(import.meta.dir, "../..");

/** Engine versions a lab can run, by the Debian suite of their packages. 20.10 is there to be refused. */
export const engineSuites = { "20.10": "bookworm", "26.1": "trixie", "28": "sid" } as const;
export type EngineVersion = keyof typeof engineSuites;

/** A node of the lab: its name in the Swarm, its class, and how many GPUs it reports. */
export interface NodeSpec {
  readonly name: string;
  /** Its `platform.workload` label; the manager has none. */
  readonly workload?: "cpu" | "gpu";
  readonly gpu_count?: number;
  /** The size of the engine's data folder, which is then in memory. Without it the data folder is on the host's disk. */
  readonly disk_bytes?: number;
}

/** A machine with a Docker Engine of its own. */
export interface LabNode extends Machine {
  readonly spec: NodeSpec;
  readonly docker: Docker;
  /** The engine's socket, as the host sees it. Inside the machine it is /run/docker.sock. */
  readonly socketPath: string;
  /** Sends SIGKILL to dockerd and containerd. As after a crash, containers run on until the engine is back. */
  kill(): Promise<void>;
  /** Sends SIGKILL to everything on the node, like a power cut. `restart` powers it on. */
  powerOff(): Promise<void>;
  /** Stops the engine gracefully if it runs, and starts it. Resolves when it answers. */
  restart(): Promise<void>;
  /** Runs `docker load`. @returns the lines that the engine printed */
  loadImage(tarPath: string): Promise<string>;
}

/** The folder of the engine, which is unpacked at the first call. */
export async function fetchEngine(version: EngineVersion): Promise<string> {
  return await run([join(repository, "deploy/engine.sh"), "fetch", engineSuites[version]], { timeout_ms: 300_000 });
}

/** Boots a machine and starts the engine in it. */
export async function startNode(slot: Slot, spec: NodeSpec, lastByte: number, engine: string): Promise<LabNode> {
  const machine = await bootMachine(slot, spec.name, lastByte);
  if (spec.disk_bytes) await mountDisk(machine, spec.disk_bytes);
  const node = nodeOn(slot, spec, machine, engine);
  await node.restart();
  return node;
}

async function mountDisk({ directory, exec }: Machine, size_bytes: number): Promise<void> {
  const data = `${directory}/data`;
  const { exitCode, stderr } = await exec([
    "sh",
    "-c",
    `mkdir -p ${data} && mount -t tmpfs -o size=${size_bytes} tmpfs ${data}`,
  ]);
  if (exitCode !== 0) throw new Error(`the node's disk could not be made: ${stderr}`);
}

/** A node that was started before. */
export function openNode(slot: Slot, spec: NodeSpec, lastByte: number, engine: string): LabNode {
  return nodeOn(slot, spec, openMachine(slot, spec.name, lastByte), engine);
}

function nodeOn(slot: Slot, spec: NodeSpec, machine: Machine, engine: string): LabNode {
  const socketPath = join(machine.directory, "run/docker.sock");
  const docker = new Docker({ socketPath });
  const signal = (name: string) =>
    machine.exec(["sh", "-c", `pid=$(cat /run/docker.pid) && kill -${name} $pid && tail --pid=$pid -f /dev/null`]);
  const withDocker = ["env", `PATH=${pathOf(engine)}`];
  return {
    ...machine,
    exec: (command, options) => machine.exec([...withDocker, ...command], options),
    spec,
    docker,
    socketPath,
    kill: async () => void (await signal("KILL")),
    powerOff: async () => void (await machine.exec(["sh", "-c", killAll])),
    restart: async () => {
      await signal("TERM");
      await startEngine(machine, socketPath, engineCommand(slot, spec, machine, engine));
    },
    loadImage: async (tarPath) => await readAll(await docker.loadImage(tarPath)),
  };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

/** Kills all but the machine's init, its sleep and this shell. Repeats until no new process appears, because shims fork. */
const killAll = `
again=1
while [ "$again" ]; do
  again=
  for dir in /proc/[0-9]*; do
    pid=\${dir#/proc/}
    [ "$pid" != 1 ] && [ "$pid" != $$ ] && ! grep -qz infinity $dir/cmdline 2>/dev/null && kill -KILL $pid 2>/dev/null && again=1
  done
done
rm -f /run/docker.sock /run/docker.pid`;

function pathOf(engine: string): string {
  return `${engine}/usr/sbin:${engine}/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
}

function engineCommand(
  slot: Slot,
  { name, gpu_count = 0 }: NodeSpec,
  { directory }: Machine,
  engine: string,
): string[] {
  const gpus = Array.from({ length: gpu_count }, (_, index) => `--node-generic-resource=NVIDIA-GPU=GPU-${index}`);
  return [
    "env",
    `PATH=${pathOf(engine)}`,
    "dockerd",
    `--config-file=${join(repository, "deploy/daemon/daemon.json")}`,
    "--host=unix:///run/docker.sock",
    `--data-root=${directory}/data`,
    "--exec-root=/run/docker",
    "--pidfile=/run/docker.pid",
    // The machine has no systemd. With this driver, the containers' control groups can be found and removed.
    "--exec-opt=native.cgroupdriver=cgroupfs",
    `--cgroup-parent=/${cgroupOf(slot, name)}`,
    "--insecure-registry=10.77.0.0/16",
    // Docker would replace a loopback server by public ones.
    `--dns=${slot.subnet}.1`,
    ...gpus,
  ];
}

async function answers(socketPath: string): Promise<boolean> {
  const response = await fetch("http://engine/_ping", { unix: socketPath, signal: AbortSignal.timeout(2_000) });
  return response.ok;
}

async function startEngine(machine: Machine, socketPath: string, command: string[]): Promise<void> {
  const engine: MachineProcess = await machine.spawn(command, { logName: "dockerd.log" });
  let ended: number | undefined;
  void engine.exited.then((code) => {
    ended = code;
  });
  await waitFor(async () => ended !== undefined || (existsSync(socketPath) && (await answers(socketPath))), {
    deadline_ms: 30_000,
    every_ms: 50,
    what: `start of the engine of ${machine.name}`,
  });
  if (ended !== undefined) {
    const log = readFileSync(join(machine.directory, "dockerd.log"), "utf8").slice(-2_000);
    throw new Error(`the engine of ${machine.name} ended with ${ended}: ${log}`);
  }
}
