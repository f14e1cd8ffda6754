import { describe, expect, test } from "bun:test";
import { databasePath } from "../../../roles/challenge/config.ts";

describe("the database", () => {
  test("is found by the URLs that existing challenges are given", () => {
    expect(databasePath("sqlite+aiosqlite:////data/challenge.sqlite3")).toBe("/data/challenge.sqlite3");
    expect(databasePath("sqlite:///relative.sqlite3")).toBe("relative.sqlite3");
  });
});
