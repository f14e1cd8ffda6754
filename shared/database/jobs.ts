/** What others than the broker ask of its jobs, and the one thing that the supervisor puts on their record. */
import { limits } from "../schemas/limits.ts";
import type { ClockOffset } from "../time/clock-offset.ts";
import type { Database } from "./database.ts";

export interface JobCount {
  readonly challenge: string;
  readonly state: string;
  readonly count: number;
}

/** How many jobs each challenge has in which state. */
export async function jobCounts(sql: Database): Promise<JobCount[]> {
  const rows = await sql`
    select challenge, state, count(*)::int as count from jobs group by challenge, state order by challenge, state`;
  return rows.map((row) => ({ ...row }) as JobCount);
}

/** Jobs of which something may run and whose deadline passed before then, by the clock as it was when they were written. */
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

/** Puts on record that the supervisor stopped the job in this state: its broker did not. */
export async function recordReaped(sql: Database, id: string, state: string, now_ms: number): Promise<void> {
  await sql`insert into job_events (job, at, kind, detail)
    values (${id}, ${new Date(now_ms)}, 'reaped', ${sql.json({ state })})`;
}

/** Whether anything of a job is, or may be, on the node. */
export async function hasJobs(sql: Database, node_id: string): Promise<boolean> {
  const [row] = await sql`select exists (select 1 from capacity_leases where node_id = ${node_id})
    or exists (select 1 from jobs where node_id = ${node_id} and cleaned_at is null) as is_used`;
  return row?.["is_used"] === true;
}
