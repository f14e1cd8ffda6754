import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { storeMetagraph } from "#shared/database/tables/metagraph.ts";
import { createRegistrations } from "../../../../roles/proxy/upload/registrations.ts";
import { startPostgres, type TestPostgres } from "../../../support/worlds/postgres.ts";

let postgres: TestPostgres;
let url: string;
let sql: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  sql = connectDatabase(url, "test");
  await migrate(sql);
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await postgres.stop();
});

test("the metagraph counts while it is fresh", async () => {
  const registrations = createRegistrations(sql, 9);
  expect(await registrations.uidOf("a", new Date(0))).toBe("unavailable");
  const neurons = [
    { uid: 0, hotkey: "owner" },
    { uid: 3, hotkey: "a" },
  ];
  await sql.begin((tx) => storeMetagraph(tx, 9, { block: 1, neurons }, new Date(5_000)));
  expect(await registrations.uidOf("a", new Date(5_000))).toBe(3);
  expect(await registrations.uidOf("owner", new Date(0))).toBe(0);
  expect(await registrations.uidOf("b", new Date(0))).toBeNull();
  expect(await registrations.uidOf("a", new Date(5_001))).toBe("unavailable");
});
