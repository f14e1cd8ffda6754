import type { Fault, JobReason, JobResource } from "#shared/schemas/job.ts";
import { isEnded, type Job } from "./job.ts";

/** A queued job's position, and how long it is expected to wait. */
export interface QueuePlace {
  readonly position: number;
  readonly estimate_seconds: number | null;
}

/** The job as its challenge sees it. The outcome is shown once the job has ended. */
export function resourceOf(job: Job, place: QueuePlace | null): JobResource {
  const ended = isEnded(job) ? job.outcome : null;
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
    queue_position: place?.position ?? null,
    ...(place ? { queue_estimate_seconds: place.estimate_seconds } : {}),
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
    artifacts_skipped: job.artifacts_skipped,
  };
}
