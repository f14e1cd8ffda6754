import { advisoryLocks } from "#shared/database/advisory-locks.ts";
import type { Transaction } from "#shared/database/database.ts";
import { guardFencing, type Seat } from "#shared/database/lead.ts";

/** Who dispatches: one broker at a time. */
export const dispatcherSeat: Seat = {
  name: "broker",
  lock: [advisoryLocks.broker_lead],
  table: "broker_leads",
  key_column: "id",
  key: 1,
};

/** Fences a transaction: see {@link guardFencing}. @throws LeadLostError when a later leader has written */
export function guard(tx: Transaction, fencing: number): Promise<void> {
  return guardFencing(tx, dispatcherSeat, fencing);
}
