import { limits } from "#shared/schemas/limits.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { LiveJob } from "../job/job.ts";
import { countedTask } from "../swarm/tasks-view.ts";
import type { Sight } from "./world.ts";

/** What this leader remembers of one job, to save calls. A new leader finds it all out again. Times are monotonic. */
export interface JobMemory {
  /** The service was created or found, so it is not created again. */
  isServiceMade: boolean;
  isSealed: boolean;
  /** Stagers that were created or found. */
  readonly stagers: Set<StagerKind>;
  /** Since when Swarm no longer lists the task that counts. Null while it is listed, and before it was first seen. */
  missing_since_ms: number | null;
  /** The node left Ready while the job may have run. Output during an engine's absence is lost, even if the job succeeds. */
  wasNodeAway: boolean;
  /** An inspection after the job's end found the worker's disk full. */
  isDiskFull: boolean;
  /** The job's log is being stored, beside the ticks. */
  isFinishing: boolean;
  /** The task vanished before it was seen over, and what was heard of its log is kept. */
  isLogDrained: boolean;
  /** The earliest time to try again to store the log. */
  finish_again_ms: number;
  /**
   * Until then an unanswered create, or a former leader's, may still take effect. Until then the service of this name
   * stays (sealed, if the job has ended). So a late create is a conflict, not a second run.
   */
  creates_settled_ms: number;
}

/** One leader's memories: one a job, from its first step until its services are removed. */
export class JobMemories {
  readonly #memories = new Map<string, JobMemory>();
  readonly #former_settled_ms: number;

  /** Every memory begins as if a former leader's create may still take effect, for `intent_ms_max`. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#former_settled_ms = clock.monotonic() + limits.jobs.intent_ms_max;
  }

  of(id: string): JobMemory {
    const memory = this.#memories.get(id) ?? newMemory(this.#former_settled_ms);
    this.#memories.set(id, memory);
    return memory;
  }

  forget(id: string): void {
    this.#memories.delete(id);
  }
}

/** A memory before anything has happened. */
export function newMemory(creates_settled_ms: number): JobMemory {
  return {
    isServiceMade: false,
    isSealed: false,
    stagers: new Set(),
    missing_since_ms: null,
    wasNodeAway: false,
    isDiskFull: false,
    isFinishing: false,
    isLogDrained: false,
    finish_again_ms: 0,
    creates_settled_ms,
  };
}

/** Remembers what a later look at the Swarm could not tell. */
export function remember(memory: JobMemory, job: LiveJob, { tasks, nodes, monotonic_ms }: Sight): void {
  const isMissing = job.swarm_task_id !== null && !countedTask(job, tasks);
  memory.missing_since_ms = isMissing ? (memory.missing_since_ms ?? monotonic_ms) : null;
  if (job.state !== "starting" && job.state !== "running") return;
  const nodeState = nodes.get(job.node_id)?.Status.State;
  // A manager says "unknown" of every node that it has not heard from since its own start.
  if (nodeState !== "ready" && nodeState !== "unknown") memory.wasNodeAway = true;
}
