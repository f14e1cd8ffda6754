import { afterAll, beforeAll, expect, test } from "bun:test";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
let world: AdminTestWorld;
beforeAll(async () => {
  server = await startPostgres();
  world = await createAdminWorld(server);
  for (const id of ["n1", "n2"])
    await world.sql`insert into nodes (id, hostname, workload, state, availability, details, seen_at)
      values (${id}, ${`host-${id}`}, 'cpu', 'ready', 'active', '{"data_volumes": ["x"]}', now())`;
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await server.stop();
});

const base = "/v1/admin/nodes";
const order = (id: string, verb: string, body?: unknown) => world.call("POST", `${base}/${id}/${verb}`, { body });

test("a drain is ordered with its deadline, replaced by what is ordered next, and told in the audit log", async () => {
  const before_ms = Date.now();
  const drained = await order("n1", "drain", { deadline_seconds: 60 });
  expect(drained.status).toBe(202);
  expect(drained.json).toMatchObject({
    id: "n1",
    hostname: "host-n1",
    order: { kind: "drain", workload: null },
    data_volumes: ["x"],
  });
  const left_ms = Date.parse(drained.json.order.deadline_at) - before_ms;
  expect(left_ms).toBeGreaterThanOrEqual(60_000);
  expect(left_ms).toBeLessThan(70_000);
  expect((await order("n1", "label", { workload: "gpu" })).json.order).toMatchObject({
    kind: "label",
    workload: "gpu",
  });
  const { json } = await world.call("GET", base);
  expect(json.items.map(({ id, order }: { id: string; order: { kind: string } | null }) => [id, order?.kind])).toEqual([
    ["n1", "label"],
    ["n2", undefined],
  ]);
  expect((await order("n1", "activate")).json.order.kind).toBe("activate");
  const audit = (await world.call("GET", "/v1/admin/audit")).json.items;
  expect(audit.map(({ action, subject }: { action: string; subject: string }) => [action, subject])).toEqual([
    ["node.activate", "n1"],
    ["node.label", "n1"],
    ["node.drain", "n1"],
  ]);
  expect(audit[0].before).toMatchObject({ kind: "label", workload: "gpu" });
});

test("what is no order is refused with its field, and an unknown node is not found", async () => {
  expect((await order("n9", "drain", {})).json).toMatchObject({ status: 404, code: "node_not_found" });
  for (const [verb, body] of [
    ["drain", { deadline_seconds: -1 }],
    ["drain", { deadline_seconds: 86_401 }],
    ["label", {}],
    ["label", { workload: "tpu" }],
    ["drain", { when: "now" }],
  ] as const) {
    expect((await order("n2", verb, body)).status).toBe(422);
  }
  expect((await world.call("GET", base)).json.items[1].order).toBeNull();
});

test("whoever may only look orders nothing", async () => {
  const [read, operate] = [await world.mint("reader", "read"), await world.mint("operator", "operate")];
  expect((await world.call("POST", `${base}/n2/drain`, { body: {}, token: read })).status).toBe(403);
  expect((await world.call("POST", `${base}/n2/drain`, { body: {}, token: operate })).status).toBe(202);
});
