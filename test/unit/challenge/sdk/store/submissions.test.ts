import type { Database } from "bun:sqlite";
import { beforeEach, describe, expect, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { openDatabase } from "../../../../../roles/challenge/sdk/store/open-database.ts";
import { createSubmissions, type Submissions } from "../../../../../roles/challenge/sdk/store/submissions.ts";

const l = limits.challenge_sdk;
const day_ms = 86_400_000;
let now = 0;
let database: Database;
let submissions: Submissions;
beforeEach(() => {
  now = 1_700_000_000_000;
  database = openDatabase(":memory:");
  submissions = createSubmissions(database, { ...systemClock, now: () => now });
});

function stored(hotkey = "5A", nonce: string = crypto.randomUUID()): string {
  const body = Buffer.from("x");
  const upload = { hotkey, nonce, uid: 1, sha256: "0".repeat(64), filename: "f", content_type: "c", body };
  const received = submissions.receive(upload, body);
  if (!("submission" in received)) throw new Error(received.kind);
  return received.submission.id;
}

function scored(hotkey: string, score: number): string {
  const id = stored(hotkey);
  submissions.scored(id, { score, details: {} });
  return id;
}

describe("submissions", () => {
  test("are the same for the same hotkey and nonce, another for another hotkey", () => {
    expect(stored("5A", "n")).toBe(stored("5A", "n"));
    expect(stored("5B", "n")).not.toBe(stored("5A", "n"));
  });

  test("that have ended are never written again", () => {
    const id = scored("5A", 1);
    expect(() => submissions.scored(id, { score: 2, details: {} })).toThrow("has ended already");
    expect(() => submissions.failed(id, { fault: "platform", code: "x", detail: "" })).toThrow("has ended already");
    expect(submissions.byId(id)?.score).toBe(1);
  });

  test("are ranked by each hotkey's best, equal ones by arrival", () => {
    const first = scored("5A", 0.5);
    scored("5B", 0.2);
    const second = scored("5B", 0.5);
    scored("5B", 0.5);
    expect(submissions.best(10)).toEqual([
      { hotkey: "5A", submission_id: first, score: 0.5 },
      { hotkey: "5B", submission_id: second, score: 0.5 },
    ]);
  });

  test("are due when their pause is over, and then count another attempt", () => {
    const row = submissions.byId(stored());
    if (!row) throw new Error("not stored");
    submissions.planned(row.id, "{}");
    submissions.again(row, 5_000);
    expect(submissions.due(10)).toEqual([]);
    expect(submissions.nextTurnMs()).toBe(now + 5_000);
    now += 5_000;
    expect(submissions.due(10)).toMatchObject([{ id: row.id, attempt: 2, job_spec: null, state: "received" }]);
  });

  test("are forgotten after their time, but not a hotkey's best nor what is unfinished; contents go sooner", () => {
    const worse = scored("5A", 0.1);
    const best = scored("5A", 0.9);
    const unfinished = stored("5A");
    now += 8 * day_ms;
    expect(submissions.forgetOld()).toBe(0);
    expect([worse, best, unfinished].map((id) => submissions.content(id) !== null)).toEqual([false, false, true]);
    now += 90 * day_ms;
    expect(submissions.forgetOld()).toBe(1);
    expect([worse, best, unfinished].map((id) => submissions.byId(id) !== null)).toEqual([false, true, true]);
  });

  test("are refused beyond what a hotkey may have unfinished", () => {
    for (let i = 0; i < l.pending_per_hotkey_max; i += 1) stored();
    expect(() => stored()).toThrow("too_many_pending");
    expect(stored("5B")).toBeString();
  });
});
