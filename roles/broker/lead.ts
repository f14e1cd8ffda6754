import { advisoryLocks } from "#shared/database/advisory-locks.ts";
import { connectDatabase, type Database, type Transaction } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

const lockKey = advisoryLocks.broker_lead;

/** Someone else dispatches, or may by now: stop acting. */
export class LeadLostError extends Error {
  override readonly name = "LeadLostError";
}

export interface Lead {
  /** Higher than that of every leader before; every write of the dispatcher carries it. */
  readonly fencing: number;
  /** Asks again unless the last answer is younger than `age_ms_max`. @throws LeadLostError when the lock's connection is gone */
  confirm(age_ms_max?: number): Promise<void>;
  release(): Promise<void>;
}

/** Waits until this process may dispatch: an advisory lock on a connection of its own, and a fencing number. */
export async function takeLead(databaseUrl: string, clock: Clock, signal: AbortSignal): Promise<Lead> {
  for (;;) {
    signal.throwIfAborted();
    const lead = await tryLead(connectDatabase(databaseUrl, "broker-lead", { connections_max: 1 }), clock);
    if (lead) return lead;
    await clock.sleep(limits.jobs.lead_heartbeat_ms, signal);
  }
}

async function tryLead(sql: Database, clock: Clock): Promise<Lead | null> {
  let confirmed_ms = clock.monotonic();
  try {
    const [row] = await sql`select pg_try_advisory_lock(${lockKey}) as held, pg_backend_pid() as pid`;
    if (row?.["held"] !== true) {
      await sql.end({ timeout: 1 });
      return null;
    }
    const [lead] = await sql`insert into broker_leads (id, fencing) values (1, 1)
      on conflict (id) do update set fencing = broker_leads.fencing + 1 returning fencing::int`;
    return {
      fencing: lead?.["fencing"] as number,
      async confirm(age_ms_max = 0) {
        const asked_ms = clock.monotonic();
        if (asked_ms - confirmed_ms < age_ms_max) return;
        // The library reconnects by itself: another backend is another session, without the lock.
        const [now] = await sql`select pg_backend_pid() as pid`.catch((cause: unknown) => {
          throw new LeadLostError("the lock's connection is gone", { cause });
        });
        if (now?.["pid"] !== row["pid"]) throw new LeadLostError("the lock's connection was replaced");
        confirmed_ms = asked_ms;
      },
      release: () => sql.end({ timeout: 1 }),
    };
  } catch {
    await sql.end({ timeout: 1 });
    return null;
  }
}

/** Within a transaction that writes: makes sure that no later leader wrote, and keeps one out until it ends. */
export async function guard(tx: Transaction, fencing: number): Promise<void> {
  const [current] = await tx`select fencing::int from broker_leads where id = 1 for share`;
  if (current?.["fencing"] !== fencing) throw new LeadLostError("a later leader has written");
}
