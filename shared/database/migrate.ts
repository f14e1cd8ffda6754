import { limits } from "../schemas/limits.ts";
import { systemClock } from "../time/clock.ts";
import { untilReachable } from "../time/until-reachable.ts";
import { advisoryLocks } from "./advisory-locks.ts";
import type { Database } from "./database.ts";
import { migrations } from "./migrations.ts";

const lockKey = advisoryLocks.migrations;

/** The schema version this build needs. */
export const schemaVersion = migrations.length;

/** The database's version: the number of the last applied migration; 0 for an empty database. */
export async function currentVersion(sql: Database): Promise<number> {
  const [found] = await sql`select to_regclass('schema_migrations') is not null as exists`;
  if (!found?.["exists"]) return 0;
  const [row] = await sql`select coalesce(max(version), 0)::int as version from schema_migrations`;
  return row?.["version"] as number;
}

/**
 * Brings the schema to `schemaVersion`, with one transaction for each migration. An advisory lock lets one role do it; the
 * others wait and find it done.
 *
 * @throws Error when the database is newer than this build
 */
export async function migrate(sql: Database): Promise<void> {
  // A query first: it fails on a server that cannot be reached, while a reservation would wait for ever.
  await sql`select 1`;
  const connection = await sql.reserve();
  try {
    await connection`set lock_timeout = ${connection.unsafe(`'${limits.database.schema_wait_ms_max}ms'`)}`;
    await connection`select pg_advisory_lock(${lockKey})`;
    try {
      const version = await currentVersion(sql);
      if (version > schemaVersion) {
        throw new Error(
          `the database has schema version ${version}, this build knows only ${schemaVersion}: run the newer release`,
        );
      }
      await connection`create table if not exists schema_migrations (
        version integer primary key, name text not null, applied_at timestamptz not null default now())`;
      for (const [index, migration] of migrations.entries()) {
        if (index < version) continue;
        await connection.unsafe(`begin; ${migration.sql};
          insert into schema_migrations (version, name) values (${index + 1}, '${migration.name}'); commit`);
      }
    } finally {
      await connection`select pg_advisory_unlock(${lockKey})`;
    }
  } finally {
    connection.release();
  }
}

/** Waits until the database can be reached, then applies the missing migrations. Says so while it waits. */
export function migrateWhenReachable(
  sql: Database,
  say: (sentence: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const reaching = { clock: systemClock, say, signal, ms_max: limits.database.schema_wait_ms_max };
  return untilReachable("the database", () => migrate(sql), isConnectionError, reaching);
}

/** Whether the connection failed and not the statement. A call that is safe to repeat may then be tried again. */
export function isConnectionError(error: unknown): boolean {
  const code = (error as { code?: string } | null)?.code ?? "";
  return /^(CONNECT|CONNECTION_|ECONN|ENOENT|EPIPE|ETIMEDOUT|57P0|08)/.test(code) || code === "53300";
}
