import { beforeEach, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type Clock, systemClock } from "#shared/time/clock.ts";
import type { Broker } from "../../../../roles/challenge/sdk/broker/broker-client.ts";
import { BrokerRefusal } from "../../../../roles/challenge/sdk/broker/broker-error.ts";
import type { Job } from "../../../../roles/challenge/sdk/broker/job.ts";
import { defineChallenge } from "../../../../roles/challenge/sdk/define-challenge.ts";
import { evaluate } from "../../../../roles/challenge/sdk/evaluation.ts";
import type { Score } from "../../../../roles/challenge/sdk/score.ts";
import { openDatabase } from "../../../../roles/challenge/sdk/store/open-database.ts";
import { createSubmissions, type Submissions } from "../../../../roles/challenge/sdk/store/submissions.ts";

const l = limits.challenge_sdk;
let now = 0;
let submissions: Submissions;
let asked: string[] = [];
let score: () => Score = () => ({ score: 1, details: {} });
let create: () => Promise<Job>;
let put: () => Promise<string>;
let input: (content: Uint8Array) => Uint8Array;
let poll: () => Promise<Job>;

const nothing = { reason: null, fault: null, node_class: null, exit_code: null };
const jobThat = (state: Job["state"]): Job => ({ id: "j1", state, ...nothing });
const never = () => new Promise<Job>(() => undefined);
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

const broker: Broker = {
  putArchive: () => put(),
  async createJob(_, key, signal) {
    asked.push(`create ${key}`);
    return await Promise.race([create(), aborted(signal)]);
  },
  async waitForChange(id, signal) {
    asked.push(`wait ${id}`);
    return await Promise.race([poll(), aborted(signal)]);
  },
  async cancel(id) {
    asked.push(`cancel ${id}`);
  },
  artifact: async () => {
    throw new Error("not asked for");
  },
  health: async () => undefined,
};

const definition = defineChallenge({
  version: "1.0.0",
  capabilities: [],
  settings: Type.Object({}),
  accept: ({ body }) => body,
  job: ({ content }) => ({
    image: "i",
    command: ["c"],
    timeout_seconds: 10,
    inputs: [{ target: "/in", archive: input(content) }],
    outputs: ["/out"],
  }),
  score: () => score(),
});

/** Of a wait nobody sees more than its beginning. */
const clock: Clock = {
  ...systemClock,
  now: () => now,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 100), signal),
};

beforeEach(() => {
  now = 1_700_000_000_000;
  asked = [];
  submissions = createSubmissions(openDatabase(":memory:"), clock);
  score = () => ({ score: 1, details: {} });
  create = async () => jobThat("queued");
  put = async () => "0".repeat(64);
  input = (content) => content;
  poll = async () => jobThat("succeeded");
});

function stored(): string {
  const body = Buffer.from("x");
  const upload = { hotkey: "5A", nonce: "n", uid: 1, sha256: "", filename: "", content_type: "", body };
  const received = submissions.receive(upload, body);
  if (!("submission" in received)) throw new Error(received.kind);
  return received.submission.id;
}

/** One step of the evaluation. */
async function step(id: string): Promise<void> {
  const row = submissions.byId(id);
  if (!row) throw new Error("no such submission");
  const log = createLogger("test", "silent");
  const context = { slug: "demo", settings: {}, submissions, log };
  await evaluate(row, { definition, context, broker, clock }, new AbortController().signal);
}

describe("an evaluation", () => {
  test("goes from received over evaluating to scored", async () => {
    const id = stored();
    await step(id);
    expect(submissions.byId(id)).toMatchObject({ state: "evaluating", job_id: "j1" });
    await step(id);
    expect(submissions.byId(id)).toMatchObject({ state: "scored", score: 1, attempt: 1 });
    expect(asked).toEqual([`create ${id}-1`, "wait j1"]);
  });

  test("gives up a job that takes longer than all its deadlines, cancels it and tries another", async () => {
    const id = stored();
    await step(id);
    now += l.evaluating_ms_max + 10_000;
    poll = never;
    await step(id);
    expect(asked.slice(1)).toEqual(["wait j1", "cancel j1"]);
    expect(submissions.byId(id)).toMatchObject({ state: "received", attempt: 2, job_id: null });
  });

  test("still takes the result that came while the challenge was down past the deadline", async () => {
    const id = stored();
    await step(id);
    now += 10 * l.evaluating_ms_max;
    await step(id);
    expect(submissions.byId(id)).toMatchObject({ state: "scored", attempt: 1 });
  });

  test("fails by the platform's fault when it was received for too long, a bounded number of times", async () => {
    const id = stored();
    create = never;
    for (let attempt = 1; attempt <= l.attempts_max; attempt += 1) {
      expect(submissions.byId(id)).toMatchObject({ state: "received", attempt });
      now += l.received_ms_max;
      await step(id);
    }
    expect(submissions.byId(id)).toMatchObject({
      state: "failed",
      fault: "platform",
      failure_code: "received_deadline",
    });
  });

  test("takes a refused job for the challenge's fault and stops after its attempts", async () => {
    const id = stored();
    create = () => Promise.reject(new BrokerRefusal(400, "image_not_allowed", "Docker image is not allowed: i"));
    for (let attempt = 1; attempt <= l.attempts_max; attempt += 1) await step(id);
    expect(submissions.byId(id)).toMatchObject({
      state: "failed",
      fault: "challenge",
      failure_code: "image_not_allowed",
    });
    expect(asked).toEqual([1, 2, 3].map((attempt) => `create ${id}-${attempt}`));
    expect(submissions.byId(id)?.failure_detail).not.toContain("image");
  });

  test("of an archive that the platform refuses is the miner's fault at once, and the miner learns why", async () => {
    const detail = 'unsafe mount archive: entry 2 "../x": name with a `..` segment. Pack from inside the folder.';
    put = () => Promise.reject(new BrokerRefusal(400, "unsafe_mount_archive", detail));
    const id = stored();
    await step(id);
    expect(submissions.byId(id)).toMatchObject({
      state: "failed",
      fault: "submission",
      failure_code: "archive_refused",
      failure_detail: detail,
      attempt: 1,
    });
  });

  test("of the challenge's own archive that the platform refuses is the challenge's fault", async () => {
    put = () => Promise.reject(new BrokerRefusal(400, "unsafe_mount_archive", "unsafe mount archive"));
    input = () => Buffer.from("made by the challenge");
    const id = stored();
    for (let attempt = 1; attempt <= l.attempts_max; attempt += 1) await step(id);
    expect(submissions.byId(id)).toMatchObject({ state: "failed", fault: "challenge" });
  });

  test.each<[string, () => Score]>([
    ["throws", () => JSON.parse("{")],
    ["is no number", () => ({ score: Number.NaN, details: {} })],
    ["is negative", () => ({ score: -1, details: {} })],
    ["has endless details", () => ({ score: 1, details: { text: "x".repeat(100_000) } })],
  ])("whose score %s is the challenge's fault, without another job", async (_, broken) => {
    score = broken;
    const id = stored();
    await step(id);
    await step(id);
    expect(submissions.byId(id)).toMatchObject({ state: "failed", fault: "challenge", attempt: 1 });
  });

  test("leaves everything as it is when the process stops", async () => {
    const id = stored();
    await step(id);
    const before = submissions.byId(id);
    const stop = new AbortController();
    poll = async () => {
      stop.abort();
      throw stop.signal.reason;
    };
    const context = { slug: "demo", settings: {}, submissions, log: createLogger("test", "silent") };
    if (before) await evaluate(before, { definition, context, broker, clock }, stop.signal);
    expect(submissions.byId(id)).toEqual(before);
  });
});
