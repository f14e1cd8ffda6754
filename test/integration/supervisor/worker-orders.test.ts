import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { carryOutOrders } from "../../../roles/supervisor/workers/worker-orders.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let postgres: TestPostgres;
let sql: Database;
let spec: SwarmNode["Spec"];
let writes = 0;
beforeAll(async () => {
  postgres = await startPostgres();
  sql = connectDatabase(await postgres.createDatabase(), "test");
  await migrate(sql);
  await sql`insert into challenges (slug, spec, status) values ('demo', '{}', 'draft')`;
});
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await postgres.stop();
});
beforeEach(async () => {
  await sql`truncate worker_orders, jobs, capacity_leases cascade`;
  spec = { Role: "worker", Availability: "active", Labels: { "platform.workload": "cpu", rack: "7" } };
  writes = 0;
});

const engine = {
  nodes: async () => [
    { ID: "n", Version: { Index: 3 }, Spec: spec, Description: { Hostname: "worker" } } as unknown as SwarmNode,
  ],
  updateNode: async (_id, _version, wanted) => {
    spec = wanted;
    writes += 1;
  },
} satisfies Pick<Engine, "nodes" | "updateNode">;
const carryOut = () => carryOutOrders(engine, sql, createLogger("test", "silent"));
const order = (kind: string, workload: string | null = null, age = "1 minute", node = "n") =>
  sql`insert into worker_orders values (${node}, ${kind}, ${workload}, now(), now() - ${age}::interval)`;
const kinds = async () => (await sql`select kind from worker_orders`).map(({ kind }) => kind);

test("a drain is written once, and stands", async () => {
  await order("drain");
  for (let round = 0; round < 3; round += 1) expect(await carryOut()).toBe(0);
  expect([spec.Availability, writes, await kinds()]).toEqual(["drain", 1, ["drain"]]);
});

test("a manager is never drained in the Swarm: its roles would go", async () => {
  spec = { ...spec, Role: "manager" };
  await order("drain");
  expect(await carryOut()).toBe(0);
  expect([spec.Availability, writes, await kinds()]).toEqual(["active", 0, ["drain"]]);
});

test.each([
  ["gpu", { "platform.workload": "gpu", rack: "7" }],
  [null, { rack: "7" }],
])("a class %p is written beside the other labels, and the order is done", async (workload, labels) => {
  await order("label", workload);
  await carryOut();
  expect(spec.Labels).toEqual(labels);
  expect(await kinds()).toEqual([]);
});

test("an activation does not wait for anything", async () => {
  spec = { ...spec, Availability: "drain" };
  await order("activate", null, "0");
  await carryOut();
  expect([spec.Availability, await kinds()]).toEqual(["active", []]);
});

test("nothing is written while something of a job is on the node, or a broker may not know of the order", async () => {
  const job = "a".repeat(32);
  await sql`insert into jobs (id, challenge, job_id, spec, spec_digest, image_id, cpus, memory_bytes, gpu_count, priority, state,
    deadline_at, accepted_at, node_id, node_class, intent_fencing, swarm_task_id, starting_at, running_at)
    values (${job}, 'demo', 'job', '{}', 'x', 'i', 1, 1, 0, 0, 'running', now(), now(), 'n', 'cpu', 1, 't', now(), now())`;
  await order("label", null);
  expect(await carryOut()).toBe(1);
  await sql`update jobs set state = 'succeeded', outcome = '{}', ended_at = now(), cleaned_at = now()`;
  await sql`insert into capacity_leases values (${job}, 'n', 1, 1, 0, true, now())`;
  expect(await carryOut()).toBe(1);
  await sql`delete from capacity_leases`;
  await sql`update worker_orders set ordered_at = now()`;
  expect(await carryOut()).toBe(1);
  expect(writes).toBe(0);
  await sql`update worker_orders set ordered_at = now() - interval '1 minute'`;
  expect(await carryOut()).toBe(0);
  expect(writes).toBe(1);
});

test("an order for a node that has left is forgotten", async () => {
  await order("drain", null, "1 minute", "gone");
  await carryOut();
  expect([await kinds(), writes]).toEqual([[], 0]);
});
