import { expect, test } from "bun:test";
import { fuzzArchives } from "./archive-fuzz.ts";

test("20,000 random archives: a verdict each, and what is accepted stays in its folder", async () => {
  const report = await fuzzArchives(1, 20_000);
  expect(report.problems).toEqual([]);
  // Both verdicts are common, or the test would prove nothing.
  expect(report.accepted).toBeGreaterThan(4_000);
  expect(report.refused).toBeGreaterThan(4_000);
}, 240_000);
