import type { Artifact, Fault, JobReason, JobRequest, JobResource, JobStateName } from "#shared/schemas/job.ts";
import { hasEnded } from "#shared/schemas/job.ts";
import type { Outcome } from "./outcome.ts";

/** A mount as it is kept: an inline archive has become a blob. */
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

/** A job's durable record. Times in milliseconds since the Unix epoch. */
export interface Job {
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
  /** The data sets that were granted to its challenge when it was placed. */
  readonly data_volumes: readonly string[];
  readonly intent_fencing: number | null;
  readonly swarm_task_id: string | null;
  readonly container_id: string | null;
  readonly exit_code: number | null;
  readonly wall_ms: number | null;
  readonly is_log_complete: boolean;
  readonly log_digest: string | null;
  readonly artifacts: readonly Artifact[];
  readonly artifacts_complete: boolean;
  readonly accepted_ms: number;
  readonly staging_ms: number | null;
  readonly starting_ms: number | null;
  readonly running_ms: number | null;
  readonly collecting_ms: number | null;
  readonly ended_ms: number | null;
}

/** The mounts whose content is brought back: writable directories. Single files are not drained (contract §4). */
export function drainedMounts({ spec }: Job): number[] {
  return spec.mounts.flatMap(({ read_only, source_type }, index) =>
    read_only || source_type === "file" ? [] : [index],
  );
}

/** The job as its challenge sees it; the outcome shows once it is final. */
export function resourceOf(
  job: Job,
  queue: { readonly position: number; readonly estimate_seconds: number | null } | null,
): JobResource {
  const ended = hasEnded(job) ? job.outcome : null;
  const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: job.id,
    job_id: job.job_id,
    task_id: job.task_id,
    state: job.state,
    reason: (ended?.reason ?? null) as JobReason | null,
    fault: (ended?.fault ?? null) as Fault | null,
    image: job.spec.image,
    node_class: job.node_class,
    exit_code: job.exit_code,
    wall_ms: job.wall_ms,
    timeout_seconds: job.spec.timeout_seconds,
    limits: job.spec.limits,
    queue_position: queue?.position ?? null,
    ...(queue ? { queue_estimate_seconds: queue.estimate_seconds } : {}),
    times: {
      accepted: time(job.accepted_ms),
      staging: time(job.staging_ms),
      starting: time(job.starting_ms),
      running: time(job.running_ms),
      collecting: time(job.collecting_ms),
      ended: time(job.ended_ms),
    },
    log_complete: job.is_log_complete,
    artifacts_complete: job.artifacts_complete,
    artifacts: [...job.artifacts],
  };
}
