/** What other roles than the broker read of its jobs, and the one event that the supervisor records. */
import { limits } from "../../schemas/limits.ts";
import type { ClockOffset } from "../../time/clock-offset.ts";
import type { Database } from "../database.ts";

export interface JobCount {
  readonly challenge: string;
  readonly state: string;
  readonly count: number;
}

/** The number of jobs of each challenge in each state. */
export async function jobCounts(sql: Database): Promise<JobCount[]> {
  const rows = await sql`
    select challenge, state, count(*)::int as count from jobs group by challenge, state order by challenge, state`;
  return rows.map((row) => ({ ...row }) as JobCount);
}

/** Jobs that may still run and whose deadline passed before `before_ms`, by the clock as it was when the deadline was written. */
export async function overdueJobs(
  sql: Database,
  before_ms: number,
  { boot_id, clock_offset_ms }: ClockOffset,
): Promise<readonly { readonly id: string; readonly state: string }[]> {
  return await sql<{ id: string; state: string }[]>`select id, state from jobs
    where ended_at is null and state <> 'queued' and deadline_at + make_interval(secs => case when boot_id = ${boot_id}
      then (${clock_offset_ms}::float8 - clock_offset_ms) / 1000 else 0 end) < ${new Date(before_ms)}
    order by id limit ${limits.jobs.dispatch.rows_max}`;
}

/** Records that the supervisor stopped the job in this state, because no broker did. */
export async function recordReaped(sql: Database, id: string, state: string, now_ms: number): Promise<void> {
  await sql`insert into job_events (job, at, kind, detail)
    values (${id}, ${new Date(now_ms)}, 'reaped', ${sql.json({ state })})`;
}

/** Whether the node holds, or may hold, anything of a job. */
export async function hasJobs(sql: Database, node_id: string): Promise<boolean> {
  const [row] = await sql`select exists (select 1 from capacity_leases where node_id = ${node_id})
    or exists (select 1 from jobs where node_id = ${node_id} and cleaned_at is null) as is_used`;
  return row?.["is_used"] === true;
}
