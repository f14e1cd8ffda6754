import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDispatchStore } from "../../roles/broker/dispatch-store.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../support/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

async function newJob(): Promise<string> {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  return ((await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string }).id;
}
async function timesOf(id: string): Promise<(number | undefined)[]> {
  const [row] =
    await world.sql`select accepted_at, deadline_at, starting_at, running_at, ended_at from jobs where id = ${id}`;
  return Object.values(row ?? {}).map((at: Date | null) => at?.getTime());
}

test("times of live jobs and of orders move with the clock, once for each step, and those of ended jobs stay", async () => {
  const store = createDispatchStore(world.sql, 1);
  const [live, ended] = [await newJob(), await newJob()];
  await world.end(ended, { outcome: succeeded });
  await world.sql`update jobs set starting_at = accepted_at where id = ${live}`;
  await world.sql`insert into worker_orders values ('n', 'drain', null, now(), now())`;
  const deadline = async () => [...(await store.closing()).values()][0] ?? 0;
  const [before, end, order_ms] = [await timesOf(live), await timesOf(ended), await deadline()];
  const moved = (by: number) => before.map((at) => (at === undefined ? undefined : at + by));

  await store.shiftTimes(3_600_000);
  await store.shiftTimes(3_600_000);
  expect(await timesOf(live)).toEqual(moved(3_600_000));
  expect((await deadline()) - order_ms).toBe(3_600_000);
  await store.shiftTimes(-1_500);
  expect(await timesOf(live)).toEqual(moved(-1_500));
  expect(await timesOf(ended)).toEqual(end);
});
