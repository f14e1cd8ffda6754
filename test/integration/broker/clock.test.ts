import { afterAll, beforeAll, expect, test } from "bun:test";
import { workerOrders } from "#shared/database/tables/worker-orders.ts";
import { systemClock } from "#shared/time/clock.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import { createDispatchStore } from "../../../roles/broker/store/dispatch-store.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

async function newJob(): Promise<string> {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  return ((await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string }).id;
}
const live = () => world.sql`select accepted_at, deadline_at, starting_at, running_at from jobs where ended_at is null`;
const deadlineOfOrder = async () => (await workerOrders(world.sql))[0]?.deadline_at.getTime() ?? 0;
const inMs = (row: object | undefined) => Object.values(row ?? {}).map((at: Date | null) => at?.getTime());

test("times of live jobs and of orders move with the clock, once for each step, and those of ended jobs stay", async () => {
  const store = createDispatchStore(world.sql, 1);
  const [id, ended] = [await newJob(), await newJob()];
  await world.end(ended, { outcome: succeeded });
  await world.sql`update jobs set starting_at = accepted_at where id = ${id}`;
  const { boot_id, clock_offset_ms } = clockOffset(systemClock);
  const written = {
    node_id: "n",
    kind: "drain",
    workload: null,
    deadline_at: new Date(),
    ordered_at: new Date(),
    boot_id,
  };
  await world.sql`insert into worker_orders ${world.sql({ ...written, clock_offset_ms })}`;
  await world.sql`update jobs set clock_offset_ms = ${clock_offset_ms}`;
  const endOf = async () => (await world.sql`select * from jobs where id = ${ended}`)[0];
  const [before, order_ms, end] = [inMs((await live())[0]), await deadlineOfOrder(), await endOf()];
  const follow = (by: number, boot = boot_id) =>
    store.followClock({ boot_id: boot, clock_offset_ms: clock_offset_ms + by });
  const expectMoved = async (by: number) => {
    expect(inMs((await live())[0])).toEqual(before.map((at) => (at === undefined ? undefined : at + by)));
    expect(await deadlineOfOrder()).toBe(order_ms + by);
    expect(await endOf()).toEqual(end);
  };

  expect(await follow(900)).toBe(0);
  await expectMoved(0);
  expect(await follow(3_600_000)).toBe(2);
  expect(await follow(3_600_000)).toBe(0);
  await expectMoved(3_600_000);
  expect(await follow(-1_500)).toBe(2);
  await expectMoved(-1_500);
  // Of what went on between two boots the clock tells nothing; from then on it does.
  expect(await follow(60_000, "another boot")).toBe(0);
  await expectMoved(-1_500);
  expect(await follow(62_000, "another boot")).toBe(2);
  await expectMoved(500);
});

test("an accepted job records how far the wall clock was ahead", async () => {
  const id = await newJob();
  const [row] = await world.sql`select boot_id, clock_offset_ms::int8 from jobs where id = ${id}`;
  const { boot_id, clock_offset_ms } = clockOffset(systemClock);
  expect(row?.["boot_id"]).toBe(boot_id);
  expect(Math.abs(Number(row?.["clock_offset_ms"]) - clock_offset_ms)).toBeLessThan(1_000);
});
