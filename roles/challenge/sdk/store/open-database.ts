import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { migrations } from "./migrations.ts";

/**
 * Opens the challenge's database; creates and migrates it if needed. WAL with full synchronisation: a finished transaction is
 * on disk, so an acknowledged upload survives a crash of the machine.
 *
 * @throws Error when the file was written by a newer version
 */
export function openDatabase(path: string): Database {
  if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { create: true, strict: true });
  database.run("pragma busy_timeout = 5000");
  database.run("pragma journal_mode = wal");
  database.run("pragma synchronous = full");
  database.run("pragma foreign_keys = on");
  database.transaction(migrate).immediate(database);
  return database;
}

function migrate(database: Database): void {
  database.run("create table if not exists schema_migrations (number integer primary key) strict");
  const row = database
    .query<{ number: number | null }, []>("select max(number) as number from schema_migrations")
    .get();
  const done = row?.number ?? 0;
  if (done > migrations.length)
    throw new Error(`the database is at version ${done}; this program knows ${migrations.length}`);
  for (const [index, sql] of migrations.entries()) {
    if (index < done) continue;
    database.run(sql);
    database.query("insert into schema_migrations values (?)").run(index + 1);
  }
}
