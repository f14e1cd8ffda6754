import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "#shared/schemas/limits.ts";
import { pauseAfter } from "../../../../roles/broker/leader/pace.ts";

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
