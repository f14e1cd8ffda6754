import type { JobIn, JobRecord } from "./job.ts";
import type { Outcome } from "./outcome.ts";

type Written<S extends "starting" | "running" | "collecting", M extends keyof JobRecord> = Pick<
  JobIn<S>,
  "state" | "deadline_ms" | M
> &
  TaskIds;

/** What is known of the task that counts, where there is one. */
export type TaskIds = Partial<Pick<JobIn<"running">, "swarm_task_id" | "container_id">>;

/** A placed job's way into its next state, with what it must have there. */
export type Move =
  | Written<"starting", "starting_ms">
  | Written<"running", "running_ms" | "swarm_task_id">
  | Written<"collecting", "collecting_ms" | "outcome" | "wall_ms" | "exit_code">;

/** What changes while a job stays in its state; absent members stay. */
export type Changes = Partial<
  Pick<JobRecord, "swarm_task_id" | "is_log_complete" | "log_digest" | "outcome" | "artifacts_complete">
>;

/** How long a placed job's first state may last, in milliseconds. */
export interface FirstDeadlines {
  readonly staging_ms: number;
  readonly starting_ms: number;
}

/** Out of the queue: a job with mounts goes to `staging`, another to `starting`; each with its own deadline. */
export function leavingQueue(hasMounts: boolean, now_ms: number, deadlines: FirstDeadlines) {
  return hasMounts
    ? ({ state: "staging", staging_ms: now_ms, deadline_ms: now_ms + deadlines.staging_ms } as const)
    : ({ state: "starting", starting_ms: now_ms, deadline_ms: now_ms + deadlines.starting_ms } as const);
}

/** A job's end. The exit code stays what it was where there was one. */
export function ending({ exit_code }: Pick<JobRecord, "exit_code">, outcome: Outcome, now_ms: number) {
  return { state: outcome.state, outcome, ended_ms: now_ms, exit_code: exit_code ?? outcome.exit_code };
}
