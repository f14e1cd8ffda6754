import { describe, expect, test } from "bun:test";
import { BrokerWorld } from "./world.ts";

const hour_ms = 3_600_000;

interface Course {
  readonly step_ms: number;
  readonly lasts_ms: number;
  /** How long no broker runs, from the clock's step on. */
  readonly absent_ms: number;
}
const timeout_seconds = 20;

/** Runs one job; the wall clock is set as soon as it runs. */
async function runThrough({ step_ms, lasts_ms, absent_ms }: Course) {
  const world = new BrokerWorld(1);
  const { clock, table } = world;
  const job = () => [...table.jobs.values()].find(({ id }) => id === "1".padStart(32, "0"));
  const until = async (isSo: () => boolean, ms_max: number) => {
    const end_ms = clock.monotonic() + ms_max;
    while (!isSo() && clock.monotonic() < end_ms) await clock.advance(50);
  };
  world.restartBroker();
  await clock.advance(12_000);
  world.submit({ command: [String(lasts_ms), "0"], timeout_seconds, limits: { cpus: 1, memory: "1g" } });
  await until(() => job()?.state === "running", 10_000);
  const began_ms = clock.monotonic();
  if (absent_ms > 0) world.leaveAlone(absent_ms);
  clock.stepWallClock(step_ms);
  // A second job, accepted by the new time, waits behind the first.
  world.submit({ command: ["100", "0"], timeout_seconds: 5, limits: { cpus: 1, memory: "1g" } });
  await until(() => (job()?.ended_ms ?? null) !== null, 600_000);
  const took_ms = clock.monotonic() - began_ms;
  await until(() => world.isOver(), 600_000);
  world.assertEnd();
  return { job: job(), took_ms, states: [...table.jobs.values()].map(({ state }) => state) };
}

describe("a wall clock that is set while a job runs", () => {
  for (const [what, step_ms, absent_ms] of [
    ["an hour forward", hour_ms, 0],
    ["an hour back", -hour_ms, 0],
    ["half a second forward", 500, 0],
    ["an hour forward, without a broker,", hour_ms, 3_000],
    ["an hour back, without a broker,", -hour_ms, 3_000],
  ] as const) {
    test(`${what} ends no job before its time`, async () => {
      const { states, job } = await runThrough({ step_ms, absent_ms, lasts_ms: 8_000 });
      expect(states[0]).toBe("succeeded");
      expect(job?.wall_ms).toBeGreaterThan(7_000);
      expect(job?.wall_ms).toBeLessThan(9_000);
    });

    test(`${what} keeps no job beyond its time`, async () => {
      const { job, took_ms } = await runThrough({ step_ms, absent_ms, lasts_ms: 600_000 });
      expect(job).toMatchObject({ state: "timed_out" });
      expect(took_ms).toBeGreaterThan(19_000);
      expect(took_ms).toBeLessThan(25_000);
    });
  }
});
