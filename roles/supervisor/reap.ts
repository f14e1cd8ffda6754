import type { Database } from "#shared/database/database.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { seal } from "#shared/engine/seal.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";

/**
 * Stops jobs that stand past the deadline of their state by more than a broker would ever let them: then there is no
 * broker, and they would run on. The record stays the broker's; that they were stopped is said in it (jobs §2).
 */
export async function reapOverdueJobs(engine: Engine, sql: Database, log: Logger, now_ms: number): Promise<number> {
  const before = new Date(now_ms - limits.jobs.reap_ms);
  const overdue = await sql`select id, state from jobs
    where ended_at is null and state <> 'queued' and deadline_at < ${before} order by id limit ${limits.jobs.dispatch.rows_max}`;
  let reaped = 0;
  for (const { id, state } of overdue) {
    if (!(await seal(engine, `platform-job-${id}`))) continue;
    await sql`insert into job_events (job, at, kind, detail) values (${id}, ${new Date(now_ms)}, 'reaped', ${sql.json({ state })})`;
    log.warn({ job: id, state }, "a job stood past its deadline and was stopped: does the broker run?");
    reaped += 1;
  }
  return reaped;
}
