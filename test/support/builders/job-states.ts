import type { Database } from "#shared/database/database.ts";
import type { JobStateName } from "#shared/schemas/job.ts";
import { type JobRecord, membersOf } from "../../../roles/broker/job/job.ts";
import { rowOf } from "../../../roles/broker/store/job-row.ts";

/** All members that a job has in any state, as if all of it happened at `now_ms`. */
function sampleAt(now_ms: number) {
  return {
    node_id: "cpu-1",
    node_class: "cpu",
    intent_fencing: 1,
    staging_ms: now_ms,
    starting_ms: now_ms,
    running_ms: now_ms,
    collecting_ms: now_ms,
    ended_ms: now_ms,
    swarm_task_id: "task",
    wall_ms: 0,
    outcome: { state: "succeeded", reason: null, fault: null, exit_code: 0 },
  } as const satisfies Partial<JobRecord>;
}

/** The members of a job in `state`, with `changes`. */
export function inState(
  state: JobStateName,
  changes: Partial<JobRecord> = {},
  now_ms = Date.now(),
): Partial<JobRecord> {
  const sample = sampleAt(now_ms);
  return { state, ...Object.fromEntries(membersOf[state].map((member) => [member, sample[member]])), ...changes };
}

/** Puts the job's row into `state`, past the broker. */
export async function putInState(
  sql: Database,
  id: string,
  state: JobStateName,
  changes: Partial<JobRecord> = {},
): Promise<void> {
  await sql`update jobs set ${sql(rowOf(sql, inState(state, changes)))} where id = ${id}`;
}
