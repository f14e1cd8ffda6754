import { dataVolumesOf } from "#shared/engine/data-volumes.ts";
import type { SwarmNode } from "#shared/engine/engine.ts";
import { gpuCount } from "#shared/swarm/gpus.ts";
import { label } from "#shared/swarm/labels.ts";

export interface NodeCapacity {
  readonly node_id: string;
  readonly hostname: string;
  readonly node_class: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpu_count: number;
  /** The data sets that lie on it. */
  readonly data_volumes: ReadonlySet<string>;
}

export interface Demand {
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpu_count: number;
}

export interface QueuedJob extends Demand {
  readonly id: string;
  readonly challenge: string;
  readonly priority: number;
  readonly accepted_ms: number;
}

/** What a challenge may use. */
export interface Share {
  readonly running: number;
  readonly running_max: number;
  readonly share_weight: number;
  /** Its jobs run only where all of these lie. */
  readonly data_volumes: readonly string[];
}

/** A job that starts now, with what is granted to its challenge at this moment. */
export interface Placement {
  readonly id: string;
  readonly node: NodeCapacity;
  readonly data_volumes: readonly string[];
}

/** What the labelled nodes have in all, whether they can take work now or not. */
export function classCapacities(nodes: readonly SwarmNode[]): NodeCapacity[] {
  return nodes.flatMap((node) => {
    const node_class = node.Spec.Labels[label.workload];
    if (node_class !== "cpu" && node_class !== "gpu") return [];
    const { NanoCPUs, MemoryBytes, GenericResources } = node.Description.Resources;
    const gpu_count = gpuCount(GenericResources);
    return [
      {
        node_id: node.ID,
        hostname: node.Description.Hostname,
        node_class,
        cpus: NanoCPUs / 1e9,
        memory_bytes: MemoryBytes,
        gpu_count,
        data_volumes: new Set(dataVolumesOf(node.Spec.Labels)),
      },
    ];
  });
}

/** Nodes that can take work: Ready and Active. */
export function isAvailable(node: SwarmNode): boolean {
  return node.Status.State === "ready" && node.Spec.Availability === "active";
}

/** What is free: capacity minus leases, holds included. */
export function freeCapacities(
  capacities: readonly NodeCapacity[],
  leases: readonly (Demand & { readonly node_id: string })[],
): NodeCapacity[] {
  return capacities.map((node) => {
    const own = leases.filter(({ node_id }) => node_id === node.node_id);
    const sum = (of: (lease: Demand) => number) => own.reduce((total, lease) => total + of(lease), 0);
    return {
      ...node,
      cpus: node.cpus - sum(({ cpus }) => cpus),
      memory_bytes: node.memory_bytes - sum(({ memory_bytes }) => memory_bytes),
      gpu_count: node.gpu_count - sum(({ gpu_count }) => gpu_count),
    };
  });
}

/**
 * The node that takes the job: one that holds its data; GPU jobs go to GPU nodes, others to CPU nodes; the fullest that
 * fits, so that large jobs find room.
 */
export function choose(
  job: Demand,
  data_volumes: readonly string[],
  free: readonly NodeCapacity[],
): NodeCapacity | null {
  const wanted = job.gpu_count > 0 ? "gpu" : "cpu";
  const fitting = free.filter(
    (node) =>
      node.node_class === wanted &&
      node.cpus >= job.cpus &&
      node.memory_bytes >= job.memory_bytes &&
      node.gpu_count >= job.gpu_count &&
      data_volumes.every((name) => node.data_volumes.has(name)),
  );
  return (
    fitting.toSorted(
      (a, b) => a.cpus - b.cpus || a.memory_bytes - b.memory_bytes || a.hostname.localeCompare(b.hostname),
    )[0] ?? null
  );
}

/**
 * Decides which queued jobs start now: again and again the next job of the challenge that has the least running for its
 * share, its jobs by priority and age. A challenge whose next job fits nowhere lets the others go on, and its own jobs of
 * the other class: they wait for other nodes.
 */
export function place(
  queued: readonly QueuedJob[],
  shares: ReadonlyMap<string, Share>,
  free: readonly NodeCapacity[],
): Placement[] {
  const placed: Placement[] = [];
  const left = new Map(free.map((node) => [node.node_id, node]));
  const running = new Map([...shares].map(([challenge, { running }]) => [challenge, running]));
  const queues = inOrder(queued);
  while (queues.size > 0) {
    const queue = nextQueue(queues, shares, running);
    if (queue === null) break;
    const job = queues.get(queue)?.shift();
    const data_volumes = shares.get(job?.challenge ?? "")?.data_volumes ?? [];
    const node = job ? choose(job, data_volumes, [...left.values()]) : null;
    if (!job || !node) {
      queues.delete(queue);
      continue;
    }
    const { challenge } = job;
    placed.push({ id: job.id, node, data_volumes });
    const { cpus, memory_bytes, gpu_count } = node;
    left.set(node.node_id, {
      ...node,
      cpus: cpus - job.cpus,
      memory_bytes: memory_bytes - job.memory_bytes,
      gpu_count: gpu_count - job.gpu_count,
    });
    running.set(challenge, (running.get(challenge) ?? 0) + 1);
  }
  return placed;
}

/** One queue for each challenge and class, by what it waits for. */
function inOrder(queued: readonly QueuedJob[]): Map<string, QueuedJob[]> {
  const queues = Map.groupBy(queued, ({ challenge, gpu_count }) => `${gpu_count > 0 ? "gpu" : "cpu"} ${challenge}`);
  for (const queue of queues.values()) {
    queue.sort((a, b) => b.priority - a.priority || a.accepted_ms - b.accepted_ms || a.id.localeCompare(b.id));
  }
  return queues;
}

function nextQueue(
  queues: ReadonlyMap<string, readonly QueuedJob[]>,
  shares: ReadonlyMap<string, Share>,
  running: ReadonlyMap<string, number>,
): string | null {
  const under = [...queues].flatMap(([name, [first]]) => {
    const share = first ? shares.get(first.challenge) : undefined;
    const count = running.get(first?.challenge ?? "") ?? 0;
    return share && count < share.running_max ? [{ name, load: count / share.share_weight }] : [];
  });
  return under.toSorted((a, b) => a.load - b.load || a.name.localeCompare(b.name))[0]?.name ?? null;
}
