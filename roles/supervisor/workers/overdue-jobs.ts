import type { Database } from "#shared/database/database.ts";
import { overdueJobs, recordReaped } from "#shared/database/tables/jobs.ts";
import { seal } from "#shared/engine/seal-service.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import { type ClockOffset, clockOffset } from "#shared/time/clock-offset.ts";

/** What the reaper reads and writes of jobs. The jobs themselves stay the broker's. */
export interface ReapStore {
  /** See {@link overdueJobs}. */
  overdue(before_ms: number, offset: ClockOffset): ReturnType<typeof overdueJobs>;
  /** Records that the job was stopped. */
  reaped(id: string, state: string, now_ms: number): Promise<void>;
}

export function createReapStore(sql: Database): ReapStore {
  return {
    overdue: (before_ms, offset) => overdueJobs(sql, before_ms, offset),
    reaped: (id, state, now_ms) => recordReaped(sql, id, state, now_ms),
  };
}

/**
 * Stops jobs that are `limits.jobs.reap_ms` past the deadline of their state. A broker would have ended them before; without
 * one they would run on (jobs §2).
 *
 * @returns how many were stopped now
 */
export async function reapOverdueJobs(
  engine: Parameters<typeof seal>[0],
  store: ReapStore,
  log: Logger,
  clock: Clock,
): Promise<number> {
  let reaped = 0;
  const now_ms = clock.now();
  for (const { id, state } of await store.overdue(now_ms - limits.jobs.reap_ms, clockOffset(clock))) {
    if (!(await seal(engine, jobName(id)))) continue;
    await store.reaped(id, state, now_ms);
    log.warn({ job: id, state }, "a job was stopped because it was past its deadline; check that the broker runs");
    reaped += 1;
  }
  return reaped;
}
