import type { GenericResource, Service, ServiceSpec, SwarmNode, Task, TaskState } from "#shared/engine/engine.ts";
import type { Clock } from "#shared/time/clock.ts";

/** What a container does, on virtual time. A rejection: the engine could not start it, and the message is the task's error. */
export type Program = (container: ModelContainer) => Promise<{ readonly exit_code: number; readonly isOom?: boolean }>;

export interface ModelContainer {
  readonly id: string;
  readonly task: ModelTask;
  readonly node: ModelNode;
  readonly spec: ServiceSpec;
  readonly killed: AbortController;
  readonly log: { readonly time_ms: number; readonly text: string }[];
  /** Called at every new line of the log. */
  readonly listeners: Set<() => void>;
  readonly started_at_ms: number;
  /** How it ended. `refusal` says why the engine could not start it. */
  ended: { readonly exit_code: number; readonly isOom: boolean; readonly refusal?: string } | null;
}

export interface ModelNode {
  readonly id: string;
  readonly name: string;
  labels: Record<string, string>;
  availability: "active" | "pause" | "drain";
  /** The engine runs; what it knows reaches the manager only while `isLinked`. */
  isUp: boolean;
  /** When the engine last started, by the clock of `started_at_ms` of containers. */
  engine_started_ms: number;
  isLinked: boolean;
  /** The state that the manager believes. */
  state: "ready" | "down" | "unknown";
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpus: readonly string[];
  version: number;
  readonly created_at_ms: number;
  readonly containers: Map<string, ModelContainer>;
  /** Ended containers, until their service is removed. An inspection finds them. */
  readonly remains: Map<string, ModelContainer>;
  readonly volumes: Set<string>;
  /** Whether stagers and inspections find the disk below its floor. */
  isDiskLow: boolean;
}

export interface ModelTask {
  readonly id: string;
  readonly service: ModelService;
  node: ModelNode | null;
  state: TaskState;
  desired: "complete" | "shutdown" | "remove";
  error: string;
  exit_code: number | null;
  gpus: string[];
  readonly created_at_ms: number;
  changed_at_ms: number;
  changed_monotonic_ms: number;
  container: ModelContainer | null;
}

export interface ModelService {
  readonly id: string;
  spec: ServiceSpec;
  version: number;
  readonly created_at_ms: number;
  readonly tasks: ModelTask[];
  isRemoved: boolean;
}

/** The model's objects as the Engine API shows them. */
export function asNode(node: ModelNode): SwarmNode {
  const gpus: GenericResource[] = node.gpus.map((Value) => ({ NamedResourceSpec: { Kind: "NVIDIA-GPU", Value } }));
  return {
    ID: node.id,
    Version: { Index: node.version },
    CreatedAt: new Date(node.created_at_ms).toISOString(),
    Spec: { Role: "worker", Availability: node.availability, Labels: { ...node.labels } },
    Description: {
      Hostname: node.name,
      Engine: { EngineVersion: "26.1.5" },
      Resources: { NanoCPUs: node.cpus * 1e9, MemoryBytes: node.memory_bytes, GenericResources: gpus },
    },
    Status: { State: node.state, Addr: "10.0.0.1" },
  };
}

export function asService(service: ModelService): Service {
  return {
    ID: service.id,
    Version: { Index: service.version },
    CreatedAt: new Date(service.created_at_ms).toISOString(),
    Spec: service.spec,
  };
}

export function asTask(task: ModelTask): Task {
  return {
    ID: task.id,
    CreatedAt: new Date(task.created_at_ms).toISOString(),
    ServiceID: task.service.id,
    ...(task.node ? { NodeID: task.node.id } : {}),
    DesiredState: task.desired,
    Spec: { ContainerSpec: task.service.spec.TaskTemplate.ContainerSpec },
    Status: {
      State: task.state,
      Timestamp: new Date(task.changed_at_ms).toISOString(),
      Err: task.error,
      ContainerStatus: {
        ...(task.container ? { ContainerID: task.container.id } : {}),
        ...(task.exit_code === null ? {} : { ExitCode: task.exit_code }),
      },
    },
    AssignedGenericResources: task.gpus.map((Value) => ({ NamedResourceSpec: { Kind: "NVIDIA-GPU", Value } })),
  };
}

/** How many completions the job's service wants; none when it is sealed. */
export function completions(service: ModelService): number {
  return "ReplicatedJob" in service.spec.Mode ? service.spec.Mode.ReplicatedJob.TotalCompletions : 1;
}

export function wantedGpus(spec: ServiceSpec): number {
  const reserved = spec.TaskTemplate.Resources?.Reservations?.GenericResources ?? [];
  return reserved.reduce(
    (sum, resource) => sum + ("DiscreteResourceSpec" in resource ? resource.DiscreteResourceSpec.Value : 1),
    0,
  );
}

/** Whether the node satisfies the service's constraints. */
export function meetsConstraints(node: ModelNode, spec: ServiceSpec): boolean {
  return (spec.TaskTemplate.Placement?.Constraints ?? []).every((constraint) => {
    const [key = "", value = ""] = constraint.split("==");
    if (key === "node.id") return node.id === value;
    if (key === "node.hostname") return node.name === value;
    return node.labels[key.replace("node.labels.", "")] === value;
  });
}

/** States that a task never leaves, except by Swarm's own flips. */
export const terminal: ReadonlySet<TaskState> = new Set(["complete", "shutdown", "failed", "rejected", "orphaned"]);

/** What the image and arguments of a service do, and how long its image takes to arrive. */
export type ProgramOf = (spec: ServiceSpec) => { readonly pull_ms: number; readonly run: Program };

export function newNode(
  given: Pick<ModelNode, "id" | "name" | "labels" | "cpus" | "memory_bytes" | "gpus" | "created_at_ms">,
): ModelNode {
  return {
    ...given,
    version: 1,
    availability: "active",
    isUp: true,
    engine_started_ms: 0,
    isLinked: true,
    state: "ready",
    containers: new Map(),
    remains: new Map(),
    volumes: new Set(),
    isDiskLow: false,
  };
}

export function newTask(id: string, service: ModelService, clock: Clock): ModelTask {
  return {
    id,
    service,
    node: null,
    state: "new",
    desired: "complete",
    error: "",
    exit_code: null,
    gpus: [],
    created_at_ms: clock.now(),
    changed_at_ms: clock.now(),
    changed_monotonic_ms: clock.monotonic(),
    container: null,
  };
}

export function newContainer(id: string, task: ModelTask, node: ModelNode, started_at_ms: number): ModelContainer {
  const { spec } = task.service;
  const killed = new AbortController();
  return { id, task, node, spec, killed, started_at_ms, log: [], listeners: new Set(), ended: null };
}

/** Swarm's own batching (measured): scheduler 50 ms, assignment 100 ms, status 100 ms. */
export const delays = { schedule_ms: 50, assign_ms: 100, report_ms: 100, node_down_ms: 15_000 } as const;

/** How long a returned agent may take to stop containers that should no longer run. */
export const late_kill_ms_max = 10_000;
