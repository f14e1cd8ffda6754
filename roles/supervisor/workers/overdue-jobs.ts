import type { Database } from "#shared/database/database.ts";
import { overdueJobs, recordReaped } from "#shared/database/jobs.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { seal } from "#shared/engine/seal.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import { type ClockOffset, clockOffset } from "#shared/time/clock-offset.ts";

/** What the reaper reads and writes of jobs; the record stays the broker's. */
export interface ReapStore {
  /** See {@link overdueJobs}. */
  overdue(before_ms: number, offset: ClockOffset): ReturnType<typeof overdueJobs>;
  /** Puts on record that the job was stopped. */
  reaped(id: string, state: string, now_ms: number): Promise<void>;
}

export function createReapStore(sql: Database): ReapStore {
  return {
    overdue: (before_ms, offset) => overdueJobs(sql, before_ms, offset),
    reaped: (id, state, now_ms) => recordReaped(sql, id, state, now_ms),
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
