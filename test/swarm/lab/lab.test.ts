import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lab/command.ts";
import type { LabNode } from "../../lab/engine-node.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { type Lab, startLab } from "../../lab/lab.ts";
import { listSlots, reclaim } from "../../lab/slot.ts";
import { findNode } from "../../lab/swarm.ts";
import { waitFor } from "../../support/wait-for.ts";

const labModule = join(import.meta.dir, "../../lab/lab.ts");

let lab: Lab;
let seconds_to_start: number;

beforeAll(async () => {
  const started = performance.now();
  lab = await startLab({ heartbeat_ms: 1_000 });
  seconds_to_start = (performance.now() - started) / 1_000;
}, 60_000);

afterAll(async () => await lab.stop());

/** Runs a replicated job on a worker of its class, which is gpu when it asks for GPUs; resolves to its finished task. */
async function runJob(
  on: Lab,
  name: string,
  command: string[],
  { gpu_count = 0, network }: { readonly gpu_count?: number; readonly network?: string } = {},
) {
  const workload = gpu_count > 0 ? "gpu" : "cpu";
  const { docker } = on.manager;
  const generic = gpu_count > 0 ? [{ DiscreteResourceSpec: { Kind: "NVIDIA-GPU", Value: gpu_count } }] : [];
  await docker.createService({
    Name: name,
    Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
    TaskTemplate: {
      ContainerSpec: { Image: (await docker.getImage(jobImageName).inspect()).Id, Command: command, Init: true },
      RestartPolicy: { Condition: "none" },
      Placement: { Constraints: [`node.labels.platform.workload==${workload}`] },
      Resources: { Reservations: { GenericResources: generic } },
      ...(network ? { Networks: [{ Target: network }] } : {}),
    },
  } as never);
  return await waitFor(async () => await endedTask(on, name), { deadline_ms: 30_000, what: `end of job ${name}` });
}

interface Task {
  readonly NodeID: string;
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID: string } };
}

async function endedTask(on: Lab, service: string): Promise<Task | undefined> {
  const tasks = (await on.manager.docker.listTasks({ filters: { service: [service] } })) as Task[];
  return tasks.find(({ Status }) => ["complete", "failed", "rejected"].includes(Status.State));
}

async function stateOf(node: LabNode): Promise<string> {
  return (await findNode(lab.manager.docker, node.name)).Status.State;
}

async function becomes(node: LabNode, state: string): Promise<void> {
  await waitFor(async () => (await stateOf(node)) === state, { deadline_ms: 75_000, what: `${node.name} ${state}` });
}

describe("a lab", () => {
  test("is up in under 30 s with three engines of the oldest version we support", async () => {
    expect(seconds_to_start).toBeLessThan(30);
    for (const node of [lab.manager, ...lab.workers]) expect((await node.docker.version()).Version).toStartWith("26.1");
  });

  test("runs a CPU job on the CPU worker and a GPU job on the GPU worker, which sees its two GPUs", async () => {
    const cpu = await runJob(lab, "cpu-job", ["true"]);
    expect(cpu.Status.State).toBe("complete");
    expect(cpu.NodeID).toBe((await findNode(lab.manager.docker, "worker-cpu")).ID);

    const gpu = await runJob(lab, "gpu-job", ["cat", "/proc/1/environ"], { gpu_count: 2 });
    expect(gpu.Status.State).toBe("complete");
    expect(gpu.NodeID).toBe((await findNode(lab.manager.docker, "worker-gpu")).ID);
    const container = lab.node("worker-gpu").docker.getContainer(gpu.Status.ContainerStatus?.ContainerID ?? "");
    const log = (await container.logs({ stdout: true })) as unknown as Buffer;
    expect(log.toString("latin1")).toContain("DOCKER_RESOURCE_NVIDIA-GPU=GPU-0,GPU-1\0");
  });

  test("gives every engine the same ID for the same image", async () => {
    const ids = await Promise.all(
      [lab.manager, ...lab.workers].map(async ({ docker }) => (await docker.getImage(jobImageName).inspect()).Id),
    );
    expect(new Set(ids).size).toBe(1);
  });

  test("carries an internal overlay from node to node, with names, and no way out of it", async () => {
    const { docker } = lab.manager;
    const network = await docker.createNetwork({ Name: "inner", Driver: "overlay", Internal: true, Attachable: true });
    await docker.createService({
      Name: "server",
      TaskTemplate: {
        ContainerSpec: { Image: jobImageName, Command: ["busybox", "httpd", "-f", "-p", "8000", "-h", "/bin"] },
        Placement: { Constraints: ["node.role==manager"] },
        Networks: [{ Target: network.id }],
      },
      EndpointSpec: { Mode: "dnsrr" },
    } as never);
    const reach = "until timeout 2 wget -q -O - http://server:8000/busybox | cmp - /bin/busybox; do sleep 0.1; done";
    const lost = `! nc -w 1 ${lab.manager.ip} 2377`;
    const job = await runJob(lab, "client", ["sh", "-c", `${reach}; ${lost}`], { network: network.id });
    expect(job.Status.State).toBe("complete");
  }, 60_000);

  test("runs a process on the manager that sees the manager's name, address, socket and files, not the host's", async () => {
    const script =
      "hostname; ip -o -4 address show eth0; ls /run/docker.sock; echo $GREETING; mkdir -p /etc/platform && echo x >/etc/platform/lab-test; exit 3";
    const child = await lab.spawnOnManager(["sh", "-c", script], { GREETING: "hello" });
    expect(await child.exited).toBe(3);
    for (const seen of ["manager", lab.manager.ip, "/run/docker.sock", "hello"]) expect(child.output()).toContain(seen);
    expect(existsSync("/etc/platform/lab-test")).toBe(false);
  });

  test("signals a process on the manager", async () => {
    const child = await lab.spawnOnManager(
      ["sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done"],
      {},
      { logName: "trap.log" },
    );
    await waitFor(() => child.output().includes("up"));
    child.kill("SIGTERM");
    expect(await child.exited).toBe(7);
  });

  test("loses a killed node, and has it back after a restart", async () => {
    const worker = lab.node("worker-cpu");
    await worker.kill();
    await becomes(worker, "down");
    await worker.restart();
    await becomes(worker, "ready");
    expect((await runJob(lab, "after-restart", ["true"])).Status.State).toBe("complete");
  }, 180_000);

  test("powers a node off with all its containers", async () => {
    const worker = lab.node("worker-gpu");
    const container = await worker.docker.createContainer({ Image: jobImageName, Cmd: ["sleep", "1000"] });
    await container.start();
    await worker.powerOff();
    expect((await worker.exec(["pgrep", "--full", "sleep 1000"])).exitCode).toBe(1);
    await worker.restart();
    expect((await container.inspect()).State.Running).toBe(false);
    await becomes(worker, "ready");
  }, 180_000);

  test("loses a node that is cut off, whose engine goes on, and has it back when the cable is in again", async () => {
    const worker = lab.node("worker-cpu");
    await worker.cut();
    await becomes(worker, "down");
    expect((await worker.docker.info()).ServerVersion).toStartWith("26.1");
    await worker.restore();
    await becomes(worker, "ready");
  }, 180_000);

  test("has a registry that the host can reach and every node can pull from", async () => {
    const registry = await lab.startRegistry();
    const name = `${registry.host}/acme/job`;
    await lab.manager.docker.getImage(jobImageName).tag({ repo: name, tag: "1" });
    await finished(lab.manager, await lab.manager.docker.getImage(`${name}:1`).push({ authconfig: {} as never }));
    const worker = lab.node("worker-gpu");
    await finished(worker, await worker.docker.pull(`${name}:1`));
    expect((await worker.docker.getImage(`${name}:1`).inspect()).RepoDigests[0]).toStartWith(`${name}@sha256:`);
    expect(((await (await fetch(`${registry.url}/v2/acme/job/tags/list`)).json()) as { tags: string[] }).tags).toEqual([
      "1",
    ]);
  });
});

async function finished({ docker }: LabNode, stream: NodeJS.ReadableStream): Promise<void> {
  const lines = await new Promise<{ error?: string }[]>((resolve, reject) =>
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output))),
  );
  expect(lines.at(-1)?.error).toBeUndefined();
}

describe("labs", () => {
  test("run side by side without knowing of each other, and leave nothing behind", async () => {
    const [one, two] = await Promise.all([startLab(), startLab()]);
    try {
      expect(new Set([lab.id, one.id, two.id]).size).toBe(3);
      const jobs = await Promise.all([one, two].map((each) => runJob(each, "same-name", ["true"])));
      expect(jobs.map(({ Status }) => Status.State)).toEqual(["complete", "complete"]);
      expect(await one.manager.docker.listServices()).toHaveLength(1);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
    expect(traces(one)).toEqual([]);
    expect(traces(two)).toEqual([]);
  }, 120_000);

  test("run engine 28 on request", async () => {
    await using newer = await startLab({ engine: "28" });
    for (const node of [newer.manager, ...newer.workers])
      expect((await node.docker.version()).Version).toStartWith("28.");
    expect((await newer.manager.exec(["docker", "node", "ls", "--quiet"])).stdout.trim().split("\n")).toHaveLength(3);
    const job = await runJob(newer, "on-28", ["true"], { gpu_count: 1 });
    expect(job.NodeID).toBe((await findNode(newer.manager.docker, "worker-gpu")).ID);
  }, 120_000);

  test("form a Swarm on a host whose firewall drops all that its bridges forward, as Docker's does", async () => {
    const script = `import { startLab } from ${JSON.stringify(labModule)};
      await using lab = await startLab();
      process.stdout.write((await lab.manager.docker.listNodes()).length + " nodes\\n");`;
    const firewall =
      "ip link set lo up; sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null; iptables --policy FORWARD DROP";
    const inside = ["unshare", "--net", "sh", "-c", `${firewall}; exec "$@"`, "sh", process.execPath, "-e", script];
    expect((await run(inside)).trim()).toBe("3 nodes");
  }, 60_000);

  test("of a process that was killed are removed when the next one starts", async () => {
    const script = `import { startLab } from ${JSON.stringify(labModule)};
      const lab = await startLab({ nodes: [{ name: "manager" }] });
      process.stdout.write(lab.directory + "\\n");
      await new Promise(() => setInterval(() => {}, 1_000));`;
    const owner = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
    const { value } = await owner.stdout.getReader().read();
    const directory = new TextDecoder().decode(value).trim();
    const abandoned = listSlots().find(({ slot }) => slot.directory === directory);
    if (!abandoned) throw new Error(`no lab in ${directory}`);
    const init = readFileSync(join(directory, "manager/init.pid"), "utf8").trim();
    await reclaim();
    expect(existsSync(directory)).toBe(true);

    owner.kill("SIGKILL");
    await owner.exited;
    await reclaim();
    expect(existsSync(`/proc/${init}`)).toBe(false);
    expect(traces({ id: abandoned.slot.number, directory })).toEqual([]);
    expect((await lab.manager.docker.info()).Swarm?.Nodes).toBe(3);
  }, 120_000);
});

/** What a lab that is gone still has on this host. */
function traces({ id, directory }: Pick<Lab, "id" | "directory">): string[] {
  const shell = `ip -o link | grep -o 'plab${id}\\b[^:@]*'; find /sys/fs/cgroup -maxdepth 2 -name 'platform-lab-${id}-*'; grep -F ' ${directory}/' /proc/mounts; ls -d ${directory}; pgrep --full '${directory}/' | grep -vx $$`;
  return Bun.spawnSync(["sh", "-c", `{ ${shell}; } 2>/dev/null`])
    .stdout.toString()
    .split("\n")
    .filter(Boolean);
}
