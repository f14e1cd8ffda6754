import { advisoryLocks } from "#shared/database/advisory-locks.ts";
import { connectDatabase, type Transaction } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

const lockKey = advisoryLocks.aggregator_lead;

/** Someone else leads, or may lead by now. */
export class LeadLostError extends Error {
  override readonly name = "LeadLostError";
}

export interface Lead {
  /** Higher than that of every leader before. */
  readonly fencing: number;
  /** Makes sure, within a transaction that writes, that no later leader wrote; it keeps one out until the transaction ends. */
  guard(tx: Transaction): Promise<void>;
  /** Throws {@link LeadLostError} when the lock's connection is gone. */
  confirm(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Waits until this process leads the aggregation of `netuid`: an advisory lock on a connection of its own, which ends with
 * the connection, and a fencing number for what a former leader may still have under way.
 */
export async function takeLead(databaseUrl: string, netuid: number, clock: Clock, signal: AbortSignal): Promise<Lead> {
  for (;;) {
    signal.throwIfAborted();
    const lead = await tryLead(databaseUrl, netuid);
    if (lead) return lead;
    await clock.sleep(limits.weights.lead_check_ms, signal);
  }
}

async function tryLead(databaseUrl: string, netuid: number): Promise<Lead | null> {
  const sql = connectDatabase(databaseUrl, "aggregator-lead", { connections_max: 1 });
  try {
    const [row] = await sql`select pg_try_advisory_lock(${lockKey}, ${netuid}) as held, pg_backend_pid() as pid`;
    if (row?.["held"] !== true) {
      await sql.end({ timeout: 1 });
      return null;
    }
    const [lead] = await sql`
      insert into epoch_leads (netuid, fencing) values (${netuid}, 1)
      on conflict (netuid) do update set fencing = epoch_leads.fencing + 1 returning fencing::int`;
    const fencing = lead?.["fencing"] as number;
    return {
      fencing,
      async guard(tx) {
        const [current] = await tx`select fencing::int from epoch_leads where netuid = ${netuid} for update`;
        if (current?.["fencing"] !== fencing) throw new LeadLostError("a later leader has written");
      },
      async confirm() {
        // The library reconnects by itself: another backend is another session, without the lock.
        const [now] = await sql`select pg_backend_pid() as pid`.catch((cause: unknown) => {
          throw new LeadLostError("the lock's connection is gone", { cause });
        });
        if (now?.["pid"] !== row["pid"]) throw new LeadLostError("the lock's connection was replaced");
      },
      release: () => sql.end({ timeout: 1 }),
    };
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
}
