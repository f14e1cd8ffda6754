import { expect, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { BrokerWorld } from "./world.ts";

test("a job that ended while no broker ran keeps its result, even past its start deadline", async () => {
  const world = new BrokerWorld(1);
  const { clock, table, swarm } = world;
  const until = async (isSo: () => boolean, ms_max: number) => {
    const end_ms = clock.monotonic() + ms_max;
    while (!isSo() && clock.monotonic() < end_ms) await clock.advance(10);
    expect(isSo()).toBe(true);
  };
  world.restartBroker();
  world.submit({ command: ["5000", "0"], timeout_seconds: 20, limits: { cpus: 1, memory: "1g" } });
  await until(() => swarm.services.size > 0, 10_000);
  world.leaveAlone(150_000);
  const [job] = [() => [...table.jobs.values()][0]];
  expect(job()?.state).toBe("starting");
  await until(() => world.isOver(), 900_000);
  expect(job()).toMatchObject({ state: "succeeded", outcome: { exit_code: 0 } });
  world.assertEnd();
});

test("without a broker the supervisor stops an overdue job, and the next broker ends it as timed out", async () => {
  const world = new BrokerWorld(1);
  const { clock, table, swarm } = world;
  const [job] = [() => [...table.jobs.values()][0]];
  const until = async (isSo: () => boolean, ms_max: number) => {
    const end_ms = clock.monotonic() + ms_max;
    while (!isSo() && clock.monotonic() < end_ms) await clock.advance(100);
    expect(isSo()).toBe(true);
  };
  world.restartBroker();
  void world.supervise();
  world.submit({ command: ["86400000", "0"], timeout_seconds: 20, limits: { cpus: 1, memory: "1g" } });
  await until(() => job()?.state === "running", 10_000);
  world.leaveAlone(600_000);
  const left_ms = clock.monotonic();
  await until(() => swarm.started.every(({ ended }) => ended !== null), 400_000);
  const ran_on_ms = clock.monotonic() - left_ms;
  expect(ran_on_ms).toBeGreaterThan(20_000 + limits.jobs.reap_ms - 2_000);
  expect(ran_on_ms).toBeLessThan(20_000 + limits.jobs.reap_ms + 10_000);
  expect(job()?.state).toBe("running");
  expect([...table.reaped]).toEqual([job()?.id ?? ""]);
  await until(() => world.isOver(), 900_000);
  expect(job()).toMatchObject({ state: "timed_out", outcome: { fault: "submission" } });
  world.assertEnd();
});
