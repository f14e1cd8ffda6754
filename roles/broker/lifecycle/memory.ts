import { limits } from "#shared/schemas/limits.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { LiveJob } from "../job/job.ts";
import { countedTask } from "../swarm/tasks-view.ts";
import type { Sight } from "./world.ts";

/** What this leader remembers of one job: it saves calls, and after a restart it is all found again. Monotonic times. */
export interface JobMemory {
  /** Its service was created, or found: it is not asked for again. */
  isServiceMade: boolean;
  isSealed: boolean;
  /** Stagers that were created, or found. */
  readonly stagers: Set<StagerKind>;
  /** Since when the task that counts is not in the Swarm's list; null while it is, and before the first one was seen. */
  missing_since_ms: number | null;
  /** Its node left Ready while it may have run: what a container says while its engine is down is lost, though it ends well. */
  wasNodeAway: boolean;
  /** An inspection found its worker's disk full when it had ended. */
  isDiskFull: boolean;
  /** Its log is being put away, beside the ticks. */
  isFinishing: boolean;
  /** Before then that is not tried again. */
  finish_again_ms: number;
  /**
   * Until then a create that nobody answered, or a former leader's, may take effect: as long as that can be, the service of
   * its name stays (sealed, if the job is over), so that a late create is a conflict and not a second run.
   */
  creates_settled_ms: number;
}

/** The memories of one leader, one for each job from its first step until its services are removed. */
export class JobMemories {
  readonly #memories = new Map<string, JobMemory>();
  readonly #former_settled_ms: number;

  /** What a former leader sent is not known at all: every job's memory begins with that. */
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

/** A memory in which nothing has happened yet. */
export function newMemory(creates_settled_ms: number): JobMemory {
  return {
    isServiceMade: false,
    isSealed: false,
    stagers: new Set(),
    missing_since_ms: null,
    wasNodeAway: false,
    isDiskFull: false,
    isFinishing: false,
    finish_again_ms: 0,
    creates_settled_ms,
  };
}

/** Keeps of a look what a later one cannot tell. */
export function remember(memory: JobMemory, job: LiveJob, { tasks, nodes, monotonic_ms }: Sight): void {
  const isMissing = job.swarm_task_id !== null && !countedTask(job, tasks);
  memory.missing_since_ms = isMissing ? (memory.missing_since_ms ?? monotonic_ms) : null;
  if (job.state !== "starting" && job.state !== "running") return;
  const nodeState = nodes.get(job.node_id)?.Status.State;
  // "unknown" is what a manager says of all nodes that it has not heard of since it started itself.
  if (nodeState !== "ready" && nodeState !== "unknown") memory.wasNodeAway = true;
}
