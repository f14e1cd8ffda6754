/**
 * Decides what a job needs next, and does nothing itself. It goes by the job's record, by one look at the Swarm, and by what
 * this leader remembers. Every rule of when a job moves on or ends stands here. `job/outcome.ts` reads how a task ended.
 * `perform.ts` carries the steps out.
 */
import type { EngineFault, Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { drainedMounts, type JobIn, type LiveJob, type PlacedJob } from "../job/job.ts";
import {
  cancelledOutcome,
  collectedOutcome,
  drainedOutcome,
  lostOutcome,
  mayBeFullDisks,
  type Outcome,
  outcomeOf,
  refusedOutcome,
  verdict,
} from "../job/outcome.ts";
import { deadlineOf, type StateTimes, stateRules } from "../job/states.ts";
import type { Changes, TaskIds } from "../job/transition.ts";
import { fullNodeOf, fullNodeOfStager, isStagerDone } from "../placement/full-nodes.ts";
import { networkOf } from "../swarm/job-service-spec.ts";
import { countedTask, idsOf, isOver, lastWords } from "../swarm/tasks-view.ts";
import { judgedByDisk } from "./full-disk.ts";
import type { JobMemory } from "./memory.ts";
import type { Step } from "./step.ts";
import type { Sight } from "./world.ts";

/** What stays the same as long as this leader leads. */
export interface Terms {
  readonly fencing: number;
  /** Since when it leads, on the monotonic clock. */
  readonly led_since_ms: number;
  readonly times: StateTimes;
}

/** All that a decision depends on. */
interface Case<J extends LiveJob = PlacedJob> {
  readonly job: J;
  readonly sight: Sight;
  readonly memory: Readonly<JobMemory>;
  readonly terms: Terms;
}

/** The steps that the job needs now, in order. No steps: the job waits. */
export function decide(job: LiveJob, sight: Sight, memory: Readonly<JobMemory>, terms: Terms): readonly Step[] {
  switch (job.state) {
    case "queued":
      return whileQueued(job, sight);
    case "staging":
      return whileStaging({ job, sight, memory, terms });
    case "starting":
      return whileStarting({ job, sight, memory, terms });
    case "running":
      return whileRunning({ job, sight, memory, terms });
    case "collecting":
      return whileCollecting({ job, sight, memory, terms });
  }
}

/** The end of a job whose service the engine refused. */
export function decideRefused(job: PlacedJob, fault: EngineFault): readonly Step[] {
  return [end(refusedOutcome(fault, networkOf(job.id, job.spec)))];
}

/** The end of a job that asks for a network which the operator did not grant. */
export function decideNotGranted(fault: string): readonly Step[] {
  return [end(outcomeOf("rejected", "network_not_granted", fault))];
}

function whileQueued(job: JobIn<"queued">, sight: Sight): readonly Step[] {
  if (job.is_cancel_asked) return [end(cancelledOutcome())];
  if (!isOverdue(job, sight)) return [];
  const { data_volumes = [] } = sight.grants.get(job.challenge) ?? {};
  const where = data_volumes.length > 0 ? ` on a worker that holds ${data_volumes.join(", ")}` : "";
  return [end(overdueOutcome(job, `no capacity came free${where} before the queue's deadline`))];
}

function whileStaging({ job, sight, memory, terms }: Case<JobIn<"staging">>): readonly Step[] {
  const interrupted = interruption(job, sight);
  if (interrupted) return [removeStager("stage"), end(interrupted)];
  if (isOverdue(job, sight))
    return [removeStager("stage"), end(overdueOutcome(job, "the inputs were not placed on the worker in time"))];
  const [task] = sight.tasks.ofStager("stage", job.id);
  if (!task && !memory.stagers.has("stage")) return [startStager("stage", [...job.spec.mounts.keys()])];
  if (!task || !isOver(task)) return [];
  if (task.Status.State === "complete") {
    const starting_ms = sight.now_ms;
    const deadline_ms = deadlineOf("starting", starting_ms, job, terms.times);
    const move = { do: "move", to: { state: "starting", starting_ms, deadline_ms } } as const;
    return [removeStager("stage"), move, { do: "create service" }];
  }
  const failed = outcomeOf("rejected", "staging_failed", "the inputs could not be placed on the worker");
  return [...spare(fullNodeOfStager(task)), removeStager("stage"), end(failed)];
}

function whileStarting(seen: Case<JobIn<"starting">>): readonly Step[] {
  const { job, sight, memory } = seen;
  const task = countedTask(job, sight.tasks);
  if (task && hasOwnEnd(seen, task)) return ranToEnd(seen, task);
  const interrupted = interruption(job, sight);
  if (interrupted?.state === "lost") return [end(interrupted, true)];
  if (interrupted) return stop(seen, interrupted);
  if (task?.Status.State === "running" && startOf(seen, task) <= job.deadline_ms)
    return [...sealStrays(seen, task), nowRunning(seen, task), followLog(task.ID)];
  if (isOverdue(job, sight)) {
    const detail = `the container did not start in time: ${lastWords(task)}`;
    return stop(seen, overdueOutcome(job, detail));
  }
  if (!task && job.swarm_task_id !== null) return whileMissing(seen);
  if (!task) return memory.isServiceMade ? [] : [intended(seen)];
  const strays = sealStrays(seen, task);
  if (job.swarm_task_id !== null) return strays;
  // The first task that is seen counts, whatever becomes of it (jobs §3).
  return [...strays, { do: "record", changes: { swarm_task_id: task.ID } }];
}

/** Only the leader that wrote the intent creates the service. A later leader adopts an existing service and creates none. */
function intended({ job, sight, terms }: Case<JobIn<"starting">>): Step {
  if (job.intent_fencing === terms.fencing) return { do: "create service" };
  const isGivenUp = sight.monotonic_ms - terms.led_since_ms > limits.jobs.intent_ms_max;
  const lost = outcomeOf("lost", "create_unknown", "the broker stopped while it started the job");
  return { do: "adopt service", otherwise: isGivenUp ? lost : null };
}

/** When the container started, by its node's clock, kept between the job's start and now. */
function startOf({ job, sight }: Case<JobIn<"starting">>, { Status }: Task): number {
  return Math.min(sight.now_ms, Math.max(job.starting_ms, Date.parse(Status.Timestamp)));
}

function nowRunning(seen: Case<JobIn<"starting">>, task: Task): Step {
  const { job, terms } = seen;
  const running_ms = startOf(seen, task);
  const deadline_ms = deadlineOf("running", running_ms, job, terms.times);
  return { do: "move", to: { state: "running", running_ms, deadline_ms, swarm_task_id: task.ID, ...idsIn(task) } };
}

function whileRunning(seen: Case<JobIn<"running">>): readonly Step[] {
  const { job, sight } = seen;
  const task = countedTask(job, sight.tasks);
  if (task && hasOwnEnd(seen, task)) return ranToEnd(seen, task);
  const strays = sealStrays(seen, task);
  const interrupted = interruption(job, sight);
  if (interrupted?.state === "lost") return [...strays, end(interrupted, true)];
  if (interrupted) return [...strays, ...stop(seen, interrupted)];
  if (isOverdue(job, sight)) {
    const detail = `the command did not end within ${job.spec.timeout_seconds} s`;
    return [...strays, ...stop(seen, overdueOutcome(job, detail, timeoutExitCode))];
  }
  return [...strays, ...(task ? [followLog(task.ID)] : whileMissing(seen))];
}

/** Whether the task ended by itself: such a result always counts. A task shut down past the deadline is overdue instead. */
function hasOwnEnd({ job, sight }: Case, task: Task): boolean {
  return isOver(task) && !(task.Status.State === "shutdown" && isOverdue(job, sight));
}

/** Ends a job whose service somebody removed. It is not the submission's fault. */
function whileMissing(seen: Case): readonly Step[] {
  const { sight, memory } = seen;
  const missing_ms = sight.monotonic_ms - (memory.missing_since_ms ?? sight.monotonic_ms);
  if (missing_ms < limits.jobs.dispatch.task_missing_ms_max) return [];
  return stop(seen, outcomeOf("failed", "task_gone", "the job's task is gone from the Swarm"));
}

function whileCollecting(seen: Case<JobIn<"collecting">>): readonly Step[] {
  const { job, sight, memory } = seen;
  const task = countedTask(job, sight.tasks);
  const mayRun = task !== undefined && !isOver(task);
  const isNodeLost = sight.lostNodes.has(job.node_id);
  if (isNodeLost || isOverdue(job, sight)) {
    const cut: Step = { do: "record", changes: { artifacts_complete: drainedMounts(job).length === 0 } };
    const sealing: readonly Step[] = mayRun && !isNodeLost && !memory.isSealed ? [{ do: "seal service" }] : [];
    // A container that may still run keeps its capacity until the janitor found it gone.
    return [cut, ...sealing, end(judgedByDisk(seen), mayRun)];
  }
  // An unanswered create may still take effect. Until then the capacity stays taken, and the service is sealed each tick.
  const isCreateOut = job.swarm_task_id === null && !task && sight.monotonic_ms < memory.creates_settled_ms;
  const sealing: readonly Step[] = memory.isSealed && !isCreateOut ? [] : [{ do: "seal service" }];
  const steps = [...sealing, ...strays(seen, task)];
  // No job ends while its log is being stored: the task of a stopped job vanishes before that is done.
  if (mayRun || isCreateOut || memory.isFinishing) return steps;
  if (task && job.log_digest === null) return [...steps, ...finish(seen, task, job.outcome)];
  if (!task && isLogMissing(job) && !memory.isLogDrained) return [...steps, { do: "drain log" }];
  return [...steps, ...collectOutputs(seen)];
}

/** Collects all writable mounts by one stager, which also checks the disk. Then the job ends. */
function collectOutputs(seen: Case<JobIn<"collecting">>): readonly Step[] {
  const { job, sight, memory } = seen;
  const missing = drainedMounts(job).filter((index) => !job.artifacts.some(({ mount }) => mount === index));
  const isAllThere = missing.length === 0 || job.container_id === null;
  const [task] = sight.tasks.ofStager("collect", job.id);
  const collector = task && isOver(task) ? task : undefined;
  if (isAllThere && task && !collector && mayBeFullDisks(job.outcome)) return [];
  if (!isAllThere && !task && !memory.stagers.has("collect")) return [startStager("collect", missing)];
  // The collector is done, but this tick read the job before its uploads. The next tick has them.
  if (!isAllThere && (!collector || isStagerDone(collector))) return [];
  const judged = judgedByDisk(seen, collector);
  const changes: Changes = {
    ...(isAllThere ? {} : { artifacts_complete: false }),
    // Written before the collector, which told it, is removed.
    ...(judged === job.outcome ? {} : { outcome: judged }),
  };
  const written: readonly Step[] = Object.keys(changes).length > 0 ? [{ do: "record", changes }] : [];
  const done: readonly Step[] = memory.stagers.has("collect") ? [removeStager("collect")] : [];
  const fullNode = collector ? fullNodeOfStager(collector) : memory.isDiskFull ? job.node_id : null;
  const outcome = isAllThere || !collector ? judged : collectedOutcome(judged, collector);
  // The task vanished before it was seen over. The hold lasts until the janitor found no container of it.
  return [...spare(fullNode), ...written, ...done, end(outcome, isLogMissing(job))];
}

/** A task of the job was seen, and its log is not stored. */
function isLogMissing({ swarm_task_id, log_digest }: PlacedJob): boolean {
  return swarm_task_id !== null && log_digest === null;
}

function ranToEnd(seen: Case, task: Task): readonly Step[] {
  return [...spare(fullNodeOf(task)), ...toCollecting(seen, verdict(task), task)];
}

/** Stops the job: a seal also stops a running task. */
function stop(seen: Case, outcome: Outcome): readonly Step[] {
  return toCollecting(seen, outcome, countedTask(seen.job, seen.sight.tasks));
}

/** Writes the outcome, then seals the service, in one tick and before anything is collected (jobs §3). */
function toCollecting(seen: Case, outcome: Outcome, task: Task | undefined): readonly Step[] {
  const { job, sight, terms } = seen;
  const isDone = task !== undefined && isOver(task);
  const ended_ms = isDone ? Math.min(sight.now_ms, Date.parse(task.Status.Timestamp)) : sight.now_ms;
  const wall_ms = job.running_ms === null ? 0 : Math.max(0, ended_ms - job.running_ms);
  const collecting_ms = sight.now_ms;
  const deadline_ms = deadlineOf("collecting", collecting_ms, job, terms.times);
  const told = { outcome, wall_ms, exit_code: outcome.exit_code, ...(task ? idsIn(task) : {}) };
  return [
    { do: "move", to: { state: "collecting", collecting_ms, deadline_ms, ...told } },
    { do: "seal service" },
    ...(isDone ? finish(seen, task, outcome) : []),
  ];
}

/** Begins to store the log once the node is Ready. While it is away the job waits, at most until its deadline. */
function finish({ job, sight, memory }: Case, task: Task, outcome: Outcome): readonly Step[] {
  if (memory.isFinishing || sight.monotonic_ms < memory.finish_again_ms) return [];
  return sight.nodes.get(job.node_id)?.Status.State === "ready" ? [{ do: "finish", task, outcome }] : [];
}

/** What ends a job before its own end: a lost node, a cancel, a worker's deadline. */
function interruption({ node_id, is_cancel_asked }: PlacedJob, sight: Sight): Outcome | null {
  if (sight.lostNodes.has(node_id)) return lostOutcome();
  if (is_cancel_asked) return cancelledOutcome();
  return sight.now_ms >= (sight.closing.get(node_id) ?? Number.POSITIVE_INFINITY) ? drainedOutcome() : null;
}

function isOverdue({ deadline_ms }: LiveJob, { now_ms }: Sight): boolean {
  return now_ms > deadline_ms;
}

/** The exit code of coreutils' `timeout`, which the first generation used, too. */
const timeoutExitCode = 124;

function overdueOutcome(
  { state }: JobIn<"queued" | "staging" | "starting" | "running">,
  detail: string,
  code?: number,
) {
  const { overdue } = stateRules[state];
  return outcomeOf(overdue.state, overdue.reason, detail, code);
}

/** Seals and records a second run, which Swarm may start between a task's end and its seal (jobs §3). */
function sealStrays(seen: Case, counted: Task | undefined): readonly Step[] {
  const found = strays(seen, counted);
  return found.length > 0 && !seen.memory.isSealed ? [{ do: "seal service" }, ...found] : found;
}

function strays({ job, sight }: Case, counted: Task | undefined): readonly Step[] {
  const tasks = sight.tasks.ofJob(job.id);
  return tasks.every((task) => task === counted) ? [] : [{ do: "record strays", task_ids: idsOf(tasks) }];
}

function idsIn({ ID, Status }: Task): TaskIds {
  const container_id = Status.ContainerStatus?.ContainerID;
  return { swarm_task_id: ID, ...(container_id ? { container_id } : {}) };
}

const end = (outcome: Outcome, isHeld = false): Step => ({ do: "end", outcome, isHeld });
const followLog = (task_id: string): Step => ({ do: "follow log", task_id });
const spare = (node_id: string | null): readonly Step[] => (node_id ? [{ do: "spare node", node_id }] : []);
const removeStager = (kind: "stage" | "collect"): Step => ({ do: "remove stager", kind });
const startStager = (kind: "stage" | "collect", mounts: readonly number[]): Step => ({
  do: "start stager",
  kind,
  mounts,
});
