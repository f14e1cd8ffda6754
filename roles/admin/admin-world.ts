import type { Database } from "#shared/database/database.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Caller } from "./audited-change.ts";

/** What the admin routes are built from. */
export interface AdminWorld {
  readonly sql: Database;
  readonly clock: Clock;
  readonly netuid: number;
  readonly vectorPublicKey: string;
  readonly masterKey: string;
  /** Who sent an admitted request. */
  readonly callerOf: (request: Request) => Caller;
}
