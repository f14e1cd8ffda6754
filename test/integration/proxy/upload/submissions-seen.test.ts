import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createSubmissionsSeen } from "../../../../roles/proxy/upload/submissions-seen.ts";
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

const day_ms = 86_400_000;

test("an upload's record is removed after 30 days, and no sooner", async () => {
  const seen = createSubmissionsSeen(sql);
  const entry = { netuid: 7, slug: "demo", hotkey: "h", uid: null, body_sha256: "", body_bytes: 1, status: 200 };
  await seen.add({ ...entry, request_id: "old", received_at: new Date(1e12) });
  await seen.add({ ...entry, request_id: "new", received_at: new Date(1e12 + 20 * day_ms) });
  await seen.prune(new Date(1e12 + 30 * day_ms));
  expect(await sql`select 1 from submissions_seen`).toHaveLength(2);
  await seen.prune(new Date(1e12 + 31 * day_ms));
  expect((await sql`select request_id from submissions_seen`).map((row) => row["request_id"])).toEqual(["new"]);
});
