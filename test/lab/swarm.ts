import type Docker from "dockerode";
import { waitFor } from "../support/wait-for.ts";
import type { LabNode } from "./engine-node.ts";

export interface SwarmOptions {
  /** How often nodes report to the manager. A node is Down after three silent intervals. Docker's default is 5 s. */
  readonly heartbeat_ms?: number;
}

/** Makes a Swarm of the nodes, labels each with its class, and waits until all are Ready. */
export async function formSwarm(manager: LabNode, workers: readonly LabNode[], options: SwarmOptions): Promise<void> {
  await manager.docker.swarmInit({
    AdvertiseAddr: manager.ip,
    ListenAddr: "0.0.0.0:2377",
    Spec: { Dispatcher: { HeartbeatPeriod: (options.heartbeat_ms ?? 5_000) * 1_000_000 } },
  });
  const { JoinTokens } = (await manager.docker.swarmInspect()) as { JoinTokens: { Worker: string } };
  await Promise.all(workers.map((worker) => join(worker, manager, JoinTokens.Worker)));
  await waitFor(async () => (await readyNames(manager.docker)).length === workers.length + 1, {
    deadline_ms: 20_000,
    every_ms: 50,
    what: "all nodes of the Swarm Ready",
  });
  for (const worker of workers) await label(manager.docker, worker);
}

async function join(worker: LabNode, manager: LabNode, token: string): Promise<void> {
  await worker.docker.swarmJoin({
    AdvertiseAddr: worker.ip,
    ListenAddr: "0.0.0.0:2377",
    RemoteAddrs: [`${manager.ip}:2377`],
    JoinToken: token,
  });
}

interface SwarmNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels: Record<string, string> };
  readonly Description: { readonly Hostname: string };
  readonly Status: { readonly State: string };
}

/** The Swarm's node with that host name. @throws Error when there is none */
export async function findNode(docker: Docker, name: string): Promise<SwarmNode> {
  const nodes = (await docker.listNodes()) as SwarmNode[];
  const found = nodes.find(({ Description }) => Description.Hostname === name);
  if (!found) throw new Error(`no node ${name} in the Swarm`);
  return found;
}

async function readyNames(docker: Docker): Promise<string[]> {
  const nodes = (await docker.listNodes()) as SwarmNode[];
  return nodes.filter(({ Status }) => Status.State === "ready").map(({ Description }) => Description.Hostname);
}

async function label(docker: Docker, { name, spec }: LabNode): Promise<void> {
  if (!spec.workload) return;
  // A report of the node meanwhile makes the update fail with "update out of sequence". Then it is tried again.
  await waitFor(
    async () => {
      const { ID, Version, Spec } = await findNode(docker, name);
      await docker
        .getNode(ID)
        .update({ version: Version.Index, ...Spec, Labels: { ...Spec.Labels, "platform.workload": spec.workload } });
      return true;
    },
    { deadline_ms: 5_000, every_ms: 100, what: `label of ${name}` },
  );
}
