import { expect, test } from "bun:test";
import { runScenario } from "./broker/scenario.ts";

const seeds = 80;

test(`${seeds} seeds keep every promise of the broker`, async () => {
  const states: Record<string, number> = {};
  for (let seed = 1; seed <= seeds; seed += 1) {
    const report = await runScenario(seed);
    for (const [state, count] of Object.entries(report.states)) states[state] = (states[state] ?? 0) + count;
  }
  for (const state of ["succeeded", "failed", "timed_out", "cancelled", "lost"])
    expect(states[state] ?? 0).toBeGreaterThan(0);
}, 110_000);

test("a seed replays exactly", async () => {
  for (const seed of [3, 77]) expect(await runScenario(seed)).toEqual(await runScenario(seed));
}, 30_000);
