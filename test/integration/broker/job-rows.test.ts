import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import type { JobStateName } from "#shared/schemas/job.ts";
import { type JobRecord, jobOf, membersOf, queuedJob } from "../../../roles/broker/job/job.ts";
import { columnOf, jobMembers, rowOf, rowToJob } from "../../../roles/broker/store/job-row.ts";
import { inState, putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const states = Object.keys(membersOf) as JobStateName[];

async function newJob(): Promise<string> {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  return ((await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string }).id;
}

test("the database refuses a job that lacks a member of its state", async () => {
  const id = await newJob();
  const refused: string[] = [];
  for (const state of states) {
    await putInState(world.sql, id, state);
    for (const member of membersOf[state]) {
      const writing = world.sql`update jobs set ${world.sql(columnOf(member))} = null where id = ${id}`;
      await writing.catch((error: { constraint_name?: string }) => {
        if (error.constraint_name === "jobs_have_what_their_state_has") refused.push(`${state} ${member}`);
      });
    }
  }
  expect(refused).toEqual(states.flatMap((state) => membersOf[state].map((member) => `${state} ${member}`)));
});

test("reading a row that lacks a member of its state throws", async () => {
  const id = await newJob();
  const [row] = await world.sql`select * from jobs where id = ${id}`;
  expect(() => rowToJob({ ...row, state: "running" })).toThrow(`job ${id} is running without its node_id`);
});

test("every column of the jobs table is a member of a job or a known column of another part", async () => {
  const rows = await world.sql`select column_name from information_schema.columns where table_name = 'jobs'`;
  const others = ["idempotency_key", "boot_id", "clock_offset_ms", "is_run_call", "delivered_at", "cleaned_at"];
  expect(rows.map((row) => row["column_name"] as string).toSorted()).toEqual(
    [...jobMembers.map(columnOf), ...others, "services_removed_at"].toSorted(),
  );
});

test("a job is read back exactly as it was written", async () => {
  const id = await newJob();
  const [row] = await world.sql`select * from jobs where id = ${id}`;
  const before = rowToJob(row ?? {});
  const text = fc.string({ maxLength: 40 }).map((value) => value.replaceAll("\0", ""));
  const time = fc.integer({ min: 0, max: 4_102_444_800_000 });
  const changes = fc.record({
    state: fc.constantFrom(...states),
    at_ms: time,
    memory_bytes: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    image_id: text,
    task_id: fc.option(text),
    data_volumes: fc.array(text, { maxLength: 3 }),
    artifacts: fc.array(fc.record({ mount: fc.nat(16), digest: text, size_bytes: fc.nat() }), { maxLength: 3 }),
    exit_code: fc.option(fc.integer({ min: 0, max: 255 })),
    is_log_complete: fc.boolean(),
    spec: fc.record({ command: fc.array(text, { maxLength: 3 }), env: fc.dictionary(text, text, { maxKeys: 3 }) }),
  });
  await fc.assert(
    fc.asyncProperty(changes, async ({ at_ms, spec, state, ...others }) => {
      const written = { ...others, spec: { ...before.spec, ...spec } } as unknown as Partial<JobRecord>;
      const job = jobOf({ ...queuedJob(before), ...inState(state, written, at_ms) });
      await world.sql`update jobs set ${world.sql(rowOf(world.sql, job))} where id = ${id}`;
      const [read] = await world.sql`select * from jobs where id = ${id}`;
      expect(rowToJob(read ?? {})).toEqual(job);
    }),
    { numRuns: 100 },
  );
});
