import { dataVolumesOf } from "#shared/engine/data-volumes.ts";
import type { SwarmNode } from "#shared/engine/engine.ts";
import { gpuCount } from "#shared/swarm/gpus.ts";
import { label } from "#shared/swarm/labels.ts";
import { classOf, inOrder, type Queueing, type Share } from "./queue-order.ts";

export interface NodeCapacity {
  readonly node_id: string;
  readonly hostname: string;
  readonly node_class: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpu_count: number;
  /** The data sets on this node. */
  readonly data_volumes: ReadonlySet<string>;
}

export interface Demand {
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpu_count: number;
}

export interface QueuedJob extends Demand, Queueing {}

/** What a challenge runs, may run and is granted. */
export interface Grant extends Share {
  /** Its jobs run only on nodes that have all of these. */
  readonly data_volumes: readonly string[];
}

/** A job that starts now, with its challenge's present grants. */
export interface Placement {
  readonly id: string;
  readonly node: NodeCapacity;
  readonly data_volumes: readonly string[];
}

/** The full capacity of all labelled nodes, even of those that cannot take work now. */
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

/** Free capacity: the capacity minus all leases, holds included. */
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
 * The node that takes the job, or null. It must have the job's class and data. The fullest node that fits is chosen, so
 * that large jobs find room elsewhere.
 */
export function choose(
  job: Demand,
  data_volumes: readonly string[],
  free: readonly NodeCapacity[],
): NodeCapacity | null {
  const wanted = classOf(job);
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
 * Decides which queued jobs start now, in their order. A lane whose next job fits nowhere does not delay other lanes. Nor does
 * a challenge that is at its maximum.
 */
export function place(
  queued: readonly QueuedJob[],
  grants: ReadonlyMap<string, Grant>,
  free: readonly NodeCapacity[],
): Placement[] {
  const placed: Placement[] = [];
  const left = new Map(free.map((node) => [node.node_id, node]));
  const stuck = new Set<string>();
  const started = new Map<string, number>();
  for (const job of inOrder(queued, grants)) {
    const lane = `${classOf(job)} ${job.challenge}`;
    const grant = grants.get(job.challenge);
    const count = started.get(job.challenge) ?? 0;
    if (!grant || stuck.has(lane) || count + grant.running.cpu + grant.running.gpu >= grant.running_max) continue;
    const { data_volumes } = grant;
    const node = choose(job, data_volumes, [...left.values()]);
    if (!node) {
      stuck.add(lane);
      continue;
    }
    placed.push({ id: job.id, node, data_volumes });
    started.set(job.challenge, count + 1);
    left.set(node.node_id, {
      ...node,
      cpus: node.cpus - job.cpus,
      memory_bytes: node.memory_bytes - job.memory_bytes,
      gpu_count: node.gpu_count - job.gpu_count,
    });
  }
  return placed;
}
