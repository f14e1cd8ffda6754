import {
  type Artifact,
  type FinalState,
  hasEnded,
  type JobRequest,
  type JobStateName,
  type LiveState,
  type SkippedOutputs,
} from "#shared/schemas/job.ts";
import type { Outcome } from "./outcome.ts";

/** A mount as it is stored: an inline archive has become a blob. */
export interface StoredMount {
  readonly target: string;
  readonly read_only: boolean;
  readonly source_type: "directory" | "file";
  readonly source_name: string;
  readonly blob: string | null;
}

export interface StoredRequest extends Omit<JobRequest, "mounts"> {
  readonly mounts: readonly StoredMount[];
}

/** All members of a job's durable record, over all states. Times are milliseconds since the Unix epoch. */
export interface JobRecord {
  readonly id: string;
  readonly challenge: string;
  readonly job_id: string;
  readonly task_id: string | null;
  readonly spec_digest: string;
  readonly spec: StoredRequest;
  readonly image_id: string;
  readonly cpus: number;
  readonly memory_bytes: number;
  readonly gpu_count: number;
  readonly priority: number;
  readonly state: JobStateName;
  readonly outcome: Outcome | null;
  readonly is_cancel_asked: boolean;
  readonly deadline_ms: number;
  readonly node_id: string | null;
  readonly node_class: string | null;
  /** The data sets that its challenge was granted when the job was placed. */
  readonly data_volumes: readonly string[];
  /** The fencing number of the leader that last placed or moved the job. Only that leader creates its service. */
  readonly intent_fencing: number | null;
  /** The first task of its service that was seen. Only this task counts. */
  readonly swarm_task_id: string | null;
  readonly container_id: string | null;
  readonly exit_code: number | null;
  readonly wall_ms: number | null;
  readonly is_log_complete: boolean;
  readonly log_digest: string | null;
  readonly artifacts: readonly Artifact[];
  /** False when a mount was not brought back, or something in one was left out. */
  readonly artifacts_complete: boolean;
  readonly artifacts_skipped: SkippedOutputs;
  readonly accepted_ms: number;
  readonly staging_ms: number | null;
  readonly starting_ms: number | null;
  readonly running_ms: number | null;
  readonly collecting_ms: number | null;
  readonly ended_ms: number | null;
}

const placed = ["node_id", "node_class", "intent_fencing"] as const;
const ended = ["outcome", "ended_ms"] as const;

/** The members that are never null in each state. The database checks the same. */
export const membersOf = {
  queued: [],
  staging: [...placed, "staging_ms"],
  starting: [...placed, "starting_ms"],
  running: [...placed, "starting_ms", "running_ms", "swarm_task_id"],
  collecting: [...placed, "collecting_ms", "outcome", "wall_ms"],
  succeeded: ended,
  failed: ended,
  timed_out: ended,
  cancelled: ended,
  rejected: ended,
  lost: ended,
} as const satisfies Readonly<Record<JobStateName, readonly (keyof JobRecord)[]>>;

/** A job in one of the states `S`, with the members that are not null there. */
export type JobIn<S extends JobStateName> = S extends JobStateName
  ? JobRecord & { readonly state: S } & {
      readonly [M in (typeof membersOf)[S][number]]: NonNullable<JobRecord[M]>;
    }
  : never;

export type Job = JobIn<JobStateName>;
export type LiveJob = JobIn<LiveState>;
/** A job that has left the queue and not ended. It holds a lease. */
export type PlacedJob = JobIn<Exclude<LiveState, "queued">>;
export type EndedJob = JobIn<FinalState>;

/** The record as a job of its state. @throws Error when a member of its state is null: somebody wrote past the broker */
export function jobOf(record: JobRecord): Job {
  for (const member of membersOf[record.state])
    if (record[member] === null) throw new Error(`job ${record.id} is ${record.state} without its ${member}`);
  return record as Job;
}

type Asked = "id" | "challenge" | "spec" | "spec_digest" | "image_id" | "memory_bytes" | "accepted_ms" | "deadline_ms";

/** A newly accepted job. */
export function queuedJob(asked: Pick<JobRecord, Asked>): JobIn<"queued"> {
  const { job_id, task_id, priority, limits } = asked.spec;
  return {
    ...asked,
    job_id,
    task_id,
    priority,
    cpus: limits.cpus,
    gpu_count: limits.gpu_count ?? 0,
    state: "queued",
    outcome: null,
    is_cancel_asked: false,
    node_id: null,
    node_class: null,
    data_volumes: [],
    intent_fencing: null,
    swarm_task_id: null,
    container_id: null,
    exit_code: null,
    wall_ms: null,
    is_log_complete: false,
    log_digest: null,
    artifacts: [],
    artifacts_complete: true,
    artifacts_skipped: { count: 0, first: [] },
    staging_ms: null,
    starting_ms: null,
    running_ms: null,
    collecting_ms: null,
    ended_ms: null,
  };
}

/** Whether the job has ended; a type guard for the members of an ended job. */
export function isEnded(job: Job): job is EndedJob {
  return hasEnded(job);
}

/** Indexes of the mounts whose content is collected: writable directories, not single files (contract §4). */
export function drainedMounts({ spec }: Pick<JobRecord, "spec">): number[] {
  return spec.mounts.flatMap(({ read_only, source_type }, index) =>
    read_only || source_type === "file" ? [] : [index],
  );
}
