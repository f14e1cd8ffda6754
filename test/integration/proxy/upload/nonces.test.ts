import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createNonces } from "../../../../roles/proxy/upload/nonces.ts";
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

describe("nonces in the database", () => {
  const day_ms = 86_400_000;
  const at = (ms: number) => ({ netuid: 7, slug: "demo", hotkey: "h", nonce: "n", used_at: new Date(1e12 + ms) });

  test("are taken by one of many at once", async () => {
    const nonces = createNonces(sql);
    const taken = await Promise.all(Array.from({ length: 40 }, () => nonces.reserve({ ...at(0), nonce: "race" })));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  test("are remembered for a day, each for its netuid, challenge and hotkey", async () => {
    const nonces = createNonces(sql);
    expect(await nonces.reserve(at(0))).toBe(true);
    expect(await nonces.reserve(at(day_ms))).toBe(false);
    for (const other of [{ netuid: 8 }, { slug: "other" }, { hotkey: "i" }, { nonce: "N" }]) {
      expect(await nonces.reserve({ ...at(1), ...other })).toBe(true);
    }
    expect(await nonces.reserve(at(day_ms + 1))).toBe(true);
    expect(await nonces.reserve(at(day_ms + 2))).toBe(false);
  });

  test("may be as long as a header, and are given back only by who took them", async () => {
    const nonces = createNonces(sql);
    const use = { ...at(0), nonce: "ü".repeat(8_000) };
    expect(await nonces.reserve(use)).toBe(true);
    await nonces.release({ ...use, used_at: new Date(1) });
    expect(await nonces.reserve(use)).toBe(false);
    await nonces.release(use);
    expect(await nonces.reserve(use)).toBe(true);
  });

  test("are forgotten after a day", async () => {
    const nonces = createNonces(sql);
    await nonces.reserve({ ...at(2 * day_ms), nonce: "young" });
    await nonces.prune(new Date(1e12 + 2.5 * day_ms));
    expect((await sql`select count(*)::int as n from miner_nonces`)[0]?.["n"]).toBe(1);
    await sql`truncate miner_nonces`;
  });
});
