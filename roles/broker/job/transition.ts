import type { JobIn, JobRecord } from "./job.ts";
import type { Outcome } from "./outcome.ts";

type Written<S extends "starting" | "running" | "collecting", M extends keyof JobRecord> = Pick<
  JobIn<S>,
  "state" | "deadline_ms" | M
> &
  TaskIds;

/** The ids of the task that counts, as far as they are known. */
export type TaskIds = Partial<Pick<JobIn<"running">, "swarm_task_id" | "container_id">>;

/** A placed job's step into its next state, with the members that it must have there. */
export type Move =
  | Written<"starting", "starting_ms">
  | Written<"running", "running_ms" | "swarm_task_id">
  | Written<"collecting", "collecting_ms" | "outcome" | "wall_ms" | "exit_code">;

/** Changes to a job that stays in its state. Absent members keep their values. */
export type Changes = Partial<
  Pick<JobRecord, "swarm_task_id" | "is_log_complete" | "log_digest" | "outcome" | "artifacts_complete">
>;

/** The longest times in a placed job's first state, in milliseconds. */
export interface FirstDeadlines {
  readonly staging_ms: number;
  readonly starting_ms: number;
}

/** The first state after the queue: `staging` for a job with mounts, else `starting`; each with its own deadline. */
export function leavingQueue(hasMounts: boolean, now_ms: number, deadlines: FirstDeadlines) {
  return hasMounts
    ? ({ state: "staging", staging_ms: now_ms, deadline_ms: now_ms + deadlines.staging_ms } as const)
    : ({ state: "starting", starting_ms: now_ms, deadline_ms: now_ms + deadlines.starting_ms } as const);
}

/** The changes that end a job. An exit code that was known before is kept. */
export function ending({ exit_code }: Pick<JobRecord, "exit_code">, outcome: Outcome, now_ms: number) {
  return { state: outcome.state, outcome, ended_ms: now_ms, exit_code: exit_code ?? outcome.exit_code };
}
