import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectDatabase } from "#shared/database/database.ts";
import { currentVersion, migrate, schemaVersion } from "#shared/database/migrate.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

test("roles that start together apply every migration once", async () => {
  const url = await server.createDatabase();
  const roles = ["admin", "broker", "proxy"].map((role) => connectDatabase(url, role));
  await Promise.all(roles.map((sql) => migrate(sql)));
  const [sql] = roles;
  if (!sql) throw new Error("no connection");
  expect(await currentVersion(sql)).toBe(schemaVersion);
  const rows = await sql`select version from schema_migrations order by version`;
  expect(rows.map((row) => row["version"])).toEqual(Array.from({ length: schemaVersion }, (_, index) => index + 1));
  await Promise.all(roles.map((connection) => connection.end()));
});

test("a database of a newer release is refused", async () => {
  const sql = connectDatabase(await server.createDatabase(), "test");
  await migrate(sql);
  await sql`insert into schema_migrations (version, name) values (${schemaVersion + 1}, 'from the future')`;
  await expect(migrate(sql)).rejects.toThrow(/run the newer release/);
  await sql.end();
});

test("the audit log cannot be changed", async () => {
  const sql = connectDatabase(await server.createDatabase(), "test");
  await migrate(sql);
  await sql`insert into audit_log (at, actor, action, subject, request_id, previous, hash)
    values (now(), 'alice', 'challenge.create', 'demo', 'r1', '\\x00', '\\x01')`;
  await expect(sql`update audit_log set actor = 'mallory'`.execute()).rejects.toThrow(/append-only/);
  await expect(sql`delete from audit_log`.execute()).rejects.toThrow(/append-only/);
  await sql.end();
});
