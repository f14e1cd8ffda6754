import type { Database, Transaction } from "#shared/database/database.ts";
import { type AuditEntry, appendAudit } from "#shared/database/tables/audit.ts";
import type { Clock } from "#shared/time/clock.ts";

/** Who acts, for the audit log. */
export interface Caller {
  readonly actor: string;
  readonly request_id: string;
}

export interface Change<T> {
  readonly result: T;
  /** null: nothing was changed, so nothing is logged. */
  readonly audit: Pick<AuditEntry, "action" | "subject" | "before" | "after"> | null;
}

/** Runs a change and its audit entry in one transaction. */
export async function act<T>(
  { sql, clock }: { readonly sql: Database; readonly clock: Clock },
  { actor, request_id }: Caller,
  change: (tx: Transaction) => Promise<Change<T>>,
): Promise<T> {
  const result = await sql.begin(async (tx) => {
    const done = await change(tx);
    if (done.audit) await appendAudit(tx, { ...done.audit, at: new Date(clock.now()), actor, request_id });
    return done.result;
  });
  return result as T;
}
