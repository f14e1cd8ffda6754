import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Database } from "#shared/database/database.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { policiesOf } from "../../../roles/broker/admission/policies.ts";
import { queuePlace } from "../../../roles/broker/api/queue-place.ts";
import { compareInLane } from "../../../roles/broker/placement/queue-order.ts";
import { createDispatchStore } from "../../../roles/broker/store/dispatch-store.ts";
import { rowToJob } from "../../../roles/broker/store/job-row.ts";
import { queueReads } from "../../../roles/broker/store/queue-reads.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

const queued = 10_000;
const running = 500;
let world: BrokerWorld;

beforeAll(async () => {
  world = await startBrokerWorld();
  await world.addChallenge("other");
  const body = (challenge: string) => ({
    slug: challenge,
    method: "POST",
    body: JSON.stringify({ image: "acme/runner:1", command: ["run"] }),
  });
  for (const slug of ["demo", "other"]) expect((await world.ask("/v1/jobs", body(slug))).status).toBe(202);
  // Copies of what the API stored.
  await world.sql`insert into jobs select c.* from jobs j, generate_series(1, ${queued / 2}) n,
    jsonb_populate_record(j, jsonb_build_object('id', md5(j.id || n), 'priority', n % 3,
      'accepted_at', j.accepted_at - make_interval(secs => n % 1000),
      'gpu_count', case when n % 5 = 0 then 1 else 0 end)) c`;
  await world.sql`insert into jobs select c.* from (select * from jobs where challenge = 'demo' limit 1) j,
    generate_series(1, ${running}) n,
    jsonb_populate_record(null::jobs, to_jsonb(j) || jsonb_build_object(
      'id', md5('r' || n), 'state', 'running', 'node_id', 'cpu-1', 'node_class', 'cpu', 'intent_fencing', 1,
      'swarm_task_id', 'task', 'starting_at', j.accepted_at, 'running_at', j.accepted_at)) c`;
  await world.sql`analyze jobs`;
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

/** How many rows of `jobs` the database read for `act`. */
async function rowsRead(act: (tx: Database) => Promise<unknown>): Promise<number> {
  return await world.sql.begin(async (tx) => {
    const rows = async () => {
      const [row] = await tx`select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables
        where relname = 'jobs'`;
      return row?.["rows"] as number;
    };
    const before = await rows();
    await act(tx as never);
    return (await rows()) - before;
  });
}

test("the next jobs to start are the first of each challenge's queue, by priority and age", async () => {
  const store = createDispatchStore(world.sql, 1);
  const waiting = await store.waiting(["demo", "other"], Date.now());
  for (const challenge of ["demo", "other"]) {
    for (const gpu_count of [0, 1]) {
      const expected = await world.sql`select id from jobs where challenge = ${challenge} and state = 'queued'
        and gpu_count = ${gpu_count} order by priority desc, accepted_at, id limit 32`;
      const got = waiting.filter((job) => job.challenge === challenge && job.gpu_count === gpu_count);
      expect(got.map(({ id }) => id)).toEqual(expected.map((row) => row["id"] as string));
    }
  }
  expect(await store.waiting([], Date.now())).toEqual([]);
});

test("10,000 queued jobs do not make a tick read more", async () => {
  const now_ms = Date.now();
  const read = await rowsRead(async (tx) => {
    const store = createDispatchStore(tx, 1);
    await store.waiting(["demo", "other"], now_ms);
    await store.overdue(now_ms);
    await store.unremoved();
    await store.unswept(now_ms);
  });
  expect(read).toBeLessThan(4 * 32 + 100);
  expect((await createDispatchStore(world.sql, 1).active()).length).toBe(running);
});

test("a position among 10,000 queued jobs reads a bounded number of rows", async () => {
  // 500 jobs of "demo" run, and none of "other".
  const ofPlace = async (challenge: string, at: number) => {
    const rows =
      await world.sql`select * from jobs where challenge = ${challenge} and state = 'queued' and gpu_count = 0`;
    const jobs = rows.map((row) => rowToJob<"queued">(row)).toSorted(compareInLane);
    const job = jobs.at(at);
    if (!job) throw new Error("nothing is queued");
    const policies = policiesOf(createChallenges(world.sql));
    return await rowsRead((tx) => queuePlace({ store: queueReads(tx), clock: systemClock, policies }, job));
  };
  expect(await ofPlace("other", 0)).toBeLessThan(2 * running + 50);
  // As many of "other" start before it as run of "demo".
  expect(await ofPlace("demo", 0)).toBeLessThan(3 * running + 50);
  expect(await ofPlace("demo", -1)).toBeLessThan(2 * running + 2 * limits.jobs.queue_position_max + 50);
});

test("with 10,000 queued jobs another is refused with 429, and the last one's status answers", async () => {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const isRefused = async () => (await world.ask("/v1/jobs", { method: "POST", body })).status === 429;
  await waitFor(isRefused, { what: "the refusal by a queue that grew behind the broker's back" });
  const [last] = await world.sql`select id from jobs where challenge = 'demo' and state = 'queued'
    order by priority, accepted_at desc, id desc limit 1`;
  const job = (await (await world.ask(`/v1/jobs/${last?.["id"]}`)).json()) as { queue_position: number };
  expect(job.queue_position).toBe(limits.jobs.queue_position_max);
});
