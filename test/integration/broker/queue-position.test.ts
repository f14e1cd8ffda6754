import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { systemClock } from "#shared/time/clock.ts";
import { policiesOf } from "../../../roles/broker/admission/policies.ts";
import { queuePlace } from "../../../roles/broker/api/queue-place.ts";
import { type JobIn, queuedJob } from "../../../roles/broker/job/job.ts";
import { leadersGrants } from "../../../roles/broker/leader/grants.ts";
import { place } from "../../../roles/broker/placement/placement.ts";
import { createDispatchStore } from "../../../roles/broker/store/dispatch-store.ts";
import { rowOf, rowToJob } from "../../../roles/broker/store/job-row.ts";
import { createJobStore } from "../../../roles/broker/store/job-store.ts";
import { inState, putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
  await world.sql`delete from challenges`;
  for (const [slug, share_weight] of [
    ["a", 1],
    ["b", 2],
    ["c", 1],
  ] as const)
    await world.addChallenge(slug, { share_weight, running_max: 1_000, gpu_count_max: 1 });
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const body = (gpu_count: number | null) =>
  JSON.stringify({ image: "acme/runner:1", command: ["run"], limits: { gpu_count } });
async function submit(slug: string, gpu_count: number | null = null): Promise<number> {
  const answer = await world.ask("/v1/jobs", { slug, method: "POST", body: body(gpu_count) });
  return ((await answer.json()) as { queue_position: number }).queue_position;
}

const plenty = ["cpu", "gpu"].map((node_class) => ({
  node_id: node_class,
  hostname: node_class,
  node_class,
  cpus: 1e6,
  memory_bytes: 1e15,
  gpu_count: 1e6,
  data_volumes: new Set<string>(),
}));

/** The jobs that the leader would start if there were room for all, in order. */
async function startsNext(): Promise<string[]> {
  const store = createDispatchStore(world.sql, 1);
  const policies = await policiesOf(createChallenges(world.sql))();
  const challenges = [...policies.keys()];
  const [active, waiting, lastStarts] = await Promise.all([
    store.active(),
    store.waiting(challenges, Date.now()),
    store.lastStarts(challenges),
  ]);
  return place(waiting, leadersGrants(policies, active, lastStarts), plenty).map(({ id }) => id);
}

/** The queued jobs of a class, sorted by the position that each is told. */
async function byPosition(isGpu: boolean): Promise<string[]> {
  const rows =
    await world.sql`select * from jobs where state = 'queued' and not is_cancel_asked and (gpu_count > 0) = ${isGpu}`;
  const store = createJobStore(world.sql);
  const at = { store, clock: systemClock, policies: policiesOf(createChallenges(world.sql)) };
  const places = await Promise.all(
    rows.map(async (row) => {
      const job = rowToJob<"queued">(row);
      return { id: job.id, position: (await queuePlace(at, job)).position };
    }),
  );
  expect(places.map(({ position }) => position).toSorted((a, b) => a - b)).toEqual(rows.map((_, index) => index + 1));
  return places.toSorted((a, b) => a.position - b.position).map(({ id }) => id);
}

describe("a queued job's position", () => {
  test("counts the jobs of its class alone", async () => {
    await world.sql`truncate jobs cascade`;
    for (let count = 1; count <= 5; count += 1) expect(await submit("a")).toBe(count);
    expect(await submit("a", 1)).toBe(1);
    expect(await submit("a", 1)).toBe(2);
  });

  test("differs between jobs of the same millisecond", async () => {
    await world.sql`truncate jobs cascade`;
    for (let count = 0; count < 4; count += 1) await submit("a");
    await world.sql`update jobs set accepted_at = '2026-01-01T00:00:00Z'`;
    expect(await byPosition(false)).toEqual((await world.sql`select id from jobs order by id`).map((row) => row["id"]));
  });

  test("is first where the challenge's last start is longest ago", async () => {
    await world.sql`truncate jobs cascade`;
    const minutesAgo = async (slug: string, ...minutes: number[]) => {
      for (const ago of minutes) {
        const { id } = (await (await world.ask("/v1/jobs", { slug, method: "POST", body: body(null) })).json()) as {
          id: string;
        };
        await putInState(world.sql, id, "succeeded", { starting_ms: Date.now() - ago * 60_000 });
      }
    };
    await minutesAgo("a", 9, 1);
    await minutesAgo("c", 5, 3);
    expect([await submit("a"), await submit("c"), await submit("a")]).toEqual([1, 1, 3]);
  });

  test("is the order in which the leader starts jobs, whatever waits and runs", async () => {
    const aJob = fc.record({
      challenge: fc.constantFrom("a", "b", "c"),
      gpu_count: fc.constantFrom(0, 0, 1),
      priority: fc.integer({ min: -1, max: 1 }),
      accepted_ms: fc.integer({ min: 0, max: 3 }),
      state: fc.constantFrom("queued", "queued", "queued", "running", "starting", "succeeded", "cancelling"),
      left_ms: fc.integer({ min: 1, max: 3 }),
      id: fc.uuid().map((id) => id.replaceAll("-", "")),
    });
    const spec = rowToJob((await world.sql`select * from jobs limit 1`)[0] ?? {}).spec;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(aJob, { maxLength: 25, selector: ({ id }) => id }), async (jobs) => {
        await world.sql`truncate jobs cascade`;
        const rows = jobs.map(({ state, left_ms, ...given }) => {
          const asked = { spec, spec_digest: "x", image_id: "i", memory_bytes: 1, deadline_ms: Date.now() + 60_000 };
          const queued: JobIn<"queued"> = { ...queuedJob({ ...asked, ...given }), ...given };
          if (state === "cancelling") return { ...queued, is_cancel_asked: true };
          if (state === "queued") return queued;
          return { ...queued, ...inState(state as "running", { starting_ms: left_ms }) };
        });
        for (const row of rows) await world.sql`insert into jobs ${world.sql(rowOf(world.sql, row))}`;
        const started = await startsNext();
        const gpus = new Set(jobs.filter(({ gpu_count }) => gpu_count > 0).map(({ id }) => id));
        expect(await byPosition(false)).toEqual(started.filter((id) => !gpus.has(id)));
        expect(await byPosition(true)).toEqual(started.filter((id) => gpus.has(id)));
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
