import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Tally } from "../../../roles/broker/admission/quota.ts";
import { pauseAfter } from "../../../roles/broker/leader/pace.ts";
import { FullNodes, fullNodeOf, fullNodeOfStager } from "../../../roles/broker/placement/full-nodes.ts";
import { VirtualClock } from "../../simulation/model/virtual-clock.ts";

const { dispatch } = limits.jobs;

describe("the pause between two looks", () => {
  const cpu = fc.double({ min: 0, max: 10_000, noNaN: true });

  test("limits looking to a fortieth of a core while jobs only run, up to the longest pause", () => {
    fc.assert(
      fc.property(cpu, (cpu_ms) => {
        const { pause_ms, least_ms } = pauseAfter("watching", dispatch.tick_ms, cpu_ms);
        expect(pause_ms).toBeGreaterThanOrEqual(
          Math.min(cpu_ms * dispatch.pause_per_cpu_ms, dispatch.watching_tick_ms_max),
        );
        expect(pause_ms).toBeLessThanOrEqual(dispatch.watching_tick_ms_max);
        expect(least_ms).toBeLessThanOrEqual(dispatch.idle_tick_ms);
      }),
    );
  });

  test("is one tick while something changes and looking is cheap, and never longer than the idle tick", () => {
    expect(pauseAfter("soon", 100, 5)).toEqual({ pause_ms: 100, least_ms: 20 });
    fc.assert(
      fc.property(cpu, (cpu_ms) => {
        expect(pauseAfter("soon", 100, cpu_ms).pause_ms).toBeLessThanOrEqual(dispatch.idle_tick_ms);
      }),
    );
  });
});

test("a worker whose disk was seen full gets no job for 5 min", async () => {
  const clock = new VirtualClock();
  const nodes = new FullNodes(clock);
  const ended = (NodeID: string, Err: string) => ({
    ID: "t",
    CreatedAt: "",
    ServiceID: "s",
    NodeID,
    DesiredState: "complete" as const,
    Spec: {},
    Status: { State: "failed" as const, Timestamp: "", Err },
  });
  const seen = [
    fullNodeOfStager(ended("a", "task: non-zero exit (13)")),
    fullNodeOf(ended("b", "mkdir /x: no space left on device")),
    // A job's own exit code 13 says nothing about the disk.
    fullNodeOf(ended("c", "task: non-zero exit (13)")),
  ];
  for (const id of seen) if (id) nodes.spare(id);
  clock.stepWallClock(3_600_000);
  expect(["a", "b", "c"].map((id) => nodes.has(id))).toEqual([true, true, false]);
  await clock.advance(dispatch.full_node_ms);
  expect(["a", "b"].map((id) => nodes.has(id))).toEqual([false, false]);
});

describe("a tally", () => {
  const refusal = () => new ProblemError(429, "queue_full", "full");

  test("admits up to its maximum, however many ask at once, with one read for all", async () => {
    let reads = 0;
    const clock = new VirtualClock();
    const tally = new Tally(async () => {
      reads += 1;
      return 3;
    }, clock);
    const asked = await Promise.allSettled(Array.from({ length: 10 }, () => tally.take("a", 1, 8, refusal)));
    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(reads).toBe(1);
  });

  test("reads the count again before it refuses", async () => {
    let stored = 8;
    const tally = new Tally(async () => stored, new VirtualClock());
    expect(tally.take("a", 1, 8, refusal)).rejects.toThrow("full");
    stored = 2;
    await tally.take("a", 1, 8, refusal);
  });
});
