import { hasEnded } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Job } from "../../../roles/broker/job/job.ts";
import { completions, type ModelContainer, type ModelNode, terminal } from "../model/model-objects.ts";
import type { ModelSwarm } from "../model/model-swarm.ts";
import type { JobsTable } from "./memory-store.ts";
import { behaviourOf } from "./random-job.ts";

/** How long a healthy broker may take to seal an ended job, or to stop a second run. */
const seal_ms_max = 2_500;
/** The exit code of a job that timed out. */
const timeoutExitCode = 124;
/** How long a returned node or engine may take to obey. */
const settle_ms = 60_000;
/** The longest deadline of a state in which a container may run. */
const state_ms_max = 120_000;

interface View {
  readonly table: JobsTable;
  readonly swarm: ModelSwarm;
  readonly nodes: readonly ModelNode[];
  readonly end_ms_max: number;
  readonly steady_ms: number;
  readonly now_ms: number;
  readonly monotonic_ms: number;
  /** For how long broker, engine and database have been healthy. */
  readonly healthy_ms: number;
}

const jobOf = (container: ModelContainer) =>
  container.spec.Labels["platform.kind"] === "job" ? container.spec.Labels["platform.id"] : undefined;

/** What must hold at every moment (jobs §8); each check throws a sentence about what does not. */
export class Invariants {
  readonly #results = new Map<string, Pick<Job, "state" | "outcome" | "exit_code">>();

  check(view: View): void {
    this.#resultsStay(view);
    leasesAreOfLiveJobs(view);
    capacityIsKept(view);
    whatIsOverIsSealed(view);
    onlyOneRuns(view);
    drainedWorkersAreEmpty(view);
    nothingRunsForEver(view);
  }

  /** A written result never changes. */
  #resultsStay({ table }: View): void {
    for (const job of table.jobs.values()) {
      if (!hasEnded(job)) continue;
      const { state, outcome, exit_code } = job;
      const first = this.#results.get(job.id);
      if (!first) this.#results.set(job.id, { state, outcome, exit_code });
      // An outcome is written once. Another object means that it was written again.
      else if (first.state !== state || first.outcome !== outcome || first.exit_code !== exit_code)
        throw new Error(`the result of job ${job.id} was ${first.state} and became ${state}`);
    }
  }
}

function leasesAreOfLiveJobs({ table, monotonic_ms, end_ms_max }: View): void {
  for (const job of table.jobs.values()) {
    const lease = table.leases.get(job.id);
    if (!hasEnded(job) && job.state !== "queued" && !lease)
      throw new Error(`job ${job.id} is ${job.state} without a lease`);
    if (job.state === "queued" && lease) throw new Error(`job ${job.id} is queued with a lease`);
    if (hasEnded(job) && lease && !lease.is_hold) throw new Error(`job ${job.id} has ended with its lease`);
    if (!hasEnded(job) && monotonic_ms - (table.came_ms.get(job.id) ?? 0) > end_ms_max)
      throw new Error(`job ${job.id} is ${job.state} past all its deadlines`);
  }
}

function capacityIsKept({ table, nodes }: View): void {
  for (const node of nodes) {
    const leased = { cpus: 0, memory_bytes: 0, gpus: 0 };
    for (const lease of table.leases.values()) {
      if (lease.node_id !== node.id) continue;
      leased.cpus += lease.cpus;
      leased.memory_bytes += lease.memory_bytes;
      leased.gpus += lease.gpu_count;
    }
    if (leased.cpus > node.cpus || leased.gpus > node.gpus.length || leased.memory_bytes > node.memory_bytes)
      throw new Error(`node ${node.name} is leased beyond its capacity`);
    let cpus = 0;
    for (const container of node.containers.values())
      if (jobOf(container)) cpus += (container.spec.TaskTemplate.Resources?.Limits?.NanoCPUs ?? 0) / 1e9;
    if (cpus > node.cpus) throw new Error(`containers on ${node.name} have ${cpus} CPUs, it has ${node.cpus}`);
  }
}

/** A job that Swarm could start again is sealed or removed within `seal_ms_max` after its first task's end (jobs §3). */
function whatIsOverIsSealed({ swarm, monotonic_ms, healthy_ms }: View): void {
  if (healthy_ms < seal_ms_max) return;
  for (const service of swarm.services.values()) {
    const [first] = service.tasks;
    if (!first || !terminal.has(first.state) || completions(service) === 0) continue;
    if (service.spec.Labels["platform.kind"] === "janitor") continue;
    if (monotonic_ms - first.changed_monotonic_ms > seal_ms_max && first.node?.state === "ready")
      throw new Error(`service ${service.spec.Name} is over and not sealed`);
  }
}

/** A stray, a container beside the one that counts, is stopped while the broker is healthy. */
function onlyOneRuns({ table, nodes, monotonic_ms, healthy_ms }: View): void {
  if (healthy_ms < seal_ms_max) return;
  for (const node of nodes) {
    if (node.state !== "ready") continue;
    for (const container of node.containers.values()) {
      const id = jobOf(container);
      // Swarm was told to stop it. A returned agent may take a while.
      if (container.task.desired !== "complete") continue;
      if (!id || monotonic_ms - container.started_at_ms < seal_ms_max) continue;
      const counted = table.jobs.get(id)?.swarm_task_id;
      if (counted && counted !== container.task.id) throw new Error(`a second container of job ${id} runs on`);
    }
  }
}

/** A drained worker has no job that runs, or is about to, past its deadline. */
function drainedWorkersAreEmpty({ table, now_ms, healthy_ms }: View): void {
  if (healthy_ms < seal_ms_max) return;
  for (const { id, state, node_id } of table.jobs.values()) {
    if (!["staging", "starting", "running"].includes(state)) continue;
    if (now_ms - (table.closing.get(node_id ?? "") ?? now_ms) > seal_ms_max)
      throw new Error(`job ${id} is ${state} on a worker past its drain deadline`);
  }
}

/** No container runs past its job's deadline and the supervisor's grace, with or without a broker. */
function nothingRunsForEver({ table, nodes, monotonic_ms, steady_ms }: View): void {
  if (steady_ms < settle_ms) return;
  const most_ms = state_ms_max + limits.jobs.reap_ms + settle_ms;
  for (const container of nodes.flatMap((node) => [...node.containers.values()])) {
    const id = jobOf(container);
    if (id && table.jobs.has(id) && monotonic_ms - container.started_at_ms > most_ms)
      throw new Error(`the container of job ${id} runs on`);
  }
}

/** What must hold at the end: each job's one result is its command's, and nothing is left anywhere. */
export function checkEnd({ table, swarm, nodes }: Pick<View, "table" | "swarm" | "nodes">, networks: number): void {
  const live = [...table.jobs.values()].filter((job) => !hasEnded(job));
  if (live.length > 0) throw new Error(`${live.length} jobs never ended: ${live[0]?.id} is ${live[0]?.state}`);
  if (table.leases.size > 0) throw new Error(`${table.leases.size} leases are left`);
  const [service] = swarm.services.values();
  if (service) throw new Error(`${swarm.services.size} services are left: ${service.spec.Name}`);
  if (networks > 0) throw new Error(`${networks} networks are left`);
  for (const node of nodes) {
    if (node.containers.size > 0) throw new Error(`${node.containers.size} containers are left on ${node.name}`);
    if (node.volumes.size > 0) throw new Error(`volumes are left on ${node.name}: ${[...node.volumes].join(", ")}`);
  }
  for (const job of table.jobs.values()) checkResult(job);
  checkStrays(table, swarm);
}

/** A job's end must fit its command, whatever happened around it. */
function checkResult({ id, state, outcome, exit_code, spec }: Job): void {
  const { exit_code: code, kind } = behaviourOf(spec.command);
  const reason = outcome?.reason?.name;
  const isRight =
    (state !== "succeeded" || (code === 0 && kind === "plain")) &&
    (reason !== "exit_code" || (exit_code === code && code !== 0 && kind === "plain")) &&
    (reason !== "out_of_memory" || kind === "oom") &&
    (reason !== "command_not_found" || kind === "absent") &&
    (reason !== "worker_disk_full" ||
      exit_code === timeoutExitCode ||
      (exit_code === code && code !== 0 && kind === "plain"));
  if (!isRight) throw new Error(`job ${id} is ${state} (${reason}) with ${exit_code}, its command is ${spec.command}`);
}

/** A second container of a job was found, stopped and recorded, and the first one counts. */
function checkStrays(table: JobsTable, swarm: ModelSwarm): void {
  const starts = Map.groupBy(
    swarm.started.filter((container) => jobOf(container) !== undefined),
    (container) => jobOf(container) ?? "",
  );
  for (const [id, [first, ...others]] of starts) {
    if (!first || others.length === 0 || table.meddled.has(id)) continue;
    if (!table.strays.has(id)) throw new Error(`job ${id} ran ${others.length + 1} times, and nobody said so`);
    const counted = table.jobs.get(id)?.swarm_task_id;
    // An earlier task may have ended before it had a container. Ids grow with time.
    if (counted && counted > first.task.id) throw new Error(`the result of job ${id} is that of a later run`);
  }
}
