import { expect, test } from "bun:test";
import { BrokerWorld } from "./world.ts";

/** How many calls to the engine a tick makes while jobs only run. */
async function callsWhileRunning(running: number, queued: number): Promise<Record<string, number>> {
  const world = new BrokerWorld(1, { cpus: running, running_max: running / 2 });
  for (let count = running + queued; count > 0; count -= 1)
    world.submit({ command: ["3600000", "0"], timeout_seconds: 86_400, limits: { cpus: 0.5, memory: "1m" } });
  world.restartBroker();
  const states = () => [...world.table.jobs.values()].filter(({ state }) => state === "running").length;
  for (let waited_ms = 0; states() < running && waited_ms < 120_000; waited_ms += 1_000)
    await world.clock.advance(1_000);
  expect(states()).toBe(running);
  world.calls.clear();
  await world.clock.advance(20_000);
  return Object.fromEntries(world.calls);
}

test("watching does not cost more calls with 500 running and 10,000 queued jobs than with 4", async () => {
  const few = await callsWhileRunning(4, 10);
  const many = await callsWhileRunning(500, 10_000);
  expect(many).toEqual(few);
  expect(many["tasks"]).toBeGreaterThan(0);
}, 120_000);
