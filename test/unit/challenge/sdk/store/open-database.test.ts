import { describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../../../../roles/challenge/sdk/store/open-database.ts";

describe("the database", () => {
  test("is in WAL with full synchronisation, and opens again with what it held", () => {
    const path = join(mkdtempSync(join(tmpdir(), "challenge-db-")), "data/challenge.sqlite3");
    const first = openDatabase(path);
    expect(first.query("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(first.query("pragma synchronous").get()).toEqual({ synchronous: 2 });
    first.run("insert into schema_migrations values (99)");
    first.close();
    expect(() => openDatabase(path)).toThrow("the database is at version 99");
  });
});
