import postgres from "postgres";
import { limits } from "../schemas/limits.ts";

export type Database = postgres.Sql;
/** A transaction's connection: what a repository needs to take part in it. */
export type Transaction = postgres.TransactionSql;

/**
 * A pool of connections to `url`, each with the time limits of `limits.database` and the role's name. `?host=/folder` in
 * the URL means the unix socket in that folder, which postgres.js does not read by itself.
 *
 * @param isKept true for a connection that holds a lock: it is never closed for being idle or old (postgres.js: 30 to 60 min)
 */
export function connectDatabase(
  url: string,
  applicationName: string,
  {
    connections_max = limits.database.connections_max,
    isKept = false,
  }: { readonly connections_max?: number; readonly isKept?: boolean } = {},
): Database {
  const parsed = new URL(url);
  const socketFolder = parsed.searchParams.get("host");
  parsed.searchParams.delete("host");
  return postgres(parsed.href, {
    ...(socketFolder ? { host: socketFolder } : {}),
    max: connections_max,
    connect_timeout: limits.database.connect_ms_max / 1_000,
    ...(isKept ? { idle_timeout: 0, max_lifetime: null } : { idle_timeout: limits.database.idle_ms_max / 1_000 }),
    onnotice: () => undefined,
    connection: {
      application_name: `platform-${applicationName}`,
      statement_timeout: limits.database.statement_ms_max,
      lock_timeout: limits.database.lock_ms_max,
      idle_in_transaction_session_timeout: limits.database.idle_in_transaction_ms_max,
    },
  });
}

/** The probe that asks whether the database answers. */
export function databaseProbe(sql: Database) {
  return { name: "database", run: () => sql`select 1` };
}
