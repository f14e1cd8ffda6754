import type { Database } from "#shared/database/database.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { seal } from "#shared/engine/seal.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import { type ClockOffset, clockOffset } from "#shared/time/clock-offset.ts";

/** What the reaper reads and writes of jobs; the record stays the broker's. */
export interface ReapStore {
  /** Jobs of which something may run and whose deadline passed before then, by the clock as it was when they were written. */
  overdue(before_ms: number, offset: ClockOffset): Promise<readonly { readonly id: string; readonly state: string }[]>;
  /** Puts on record that the job was stopped. */
  reaped(id: string, state: string, now_ms: number): Promise<void>;
}

export function createReapStore(sql: Database): ReapStore {
  return {
    overdue: async (before_ms, { boot_id, clock_offset_ms }) =>
      await sql<{ id: string; state: string }[]>`select id, state from jobs
        where ended_at is null and state <> 'queued' and deadline_at + make_interval(secs => case when boot_id = ${boot_id}
          then (${clock_offset_ms}::float8 - clock_offset_ms) / 1000 else 0 end) < ${new Date(before_ms)}
        order by id limit ${limits.jobs.dispatch.rows_max}`,
    async reaped(id, state, now_ms) {
      await sql`insert into job_events (job, at, kind, detail)
        values (${id}, ${new Date(now_ms)}, 'reaped', ${sql.json({ state })})`;
    },
  };
}

/**
 * Stops jobs that stand past the deadline of their state by more than a broker would ever let them: then there is no
 * broker, and they would run on (jobs §2).
 *
 * @returns how many were stopped now
 */
export async function reapOverdueJobs(engine: Engine, store: ReapStore, log: Logger, clock: Clock): Promise<number> {
  let reaped = 0;
  const now_ms = clock.now();
  for (const { id, state } of await store.overdue(now_ms - limits.jobs.reap_ms, clockOffset(clock))) {
    if (!(await seal(engine, jobName(id)))) continue;
    await store.reaped(id, state, now_ms);
    log.warn({ job: id, state }, "a job stood past its deadline and was stopped: does the broker run?");
    reaped += 1;
  }
  return reaped;
}
