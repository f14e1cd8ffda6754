import { expect, test } from "bun:test";
import { fuzzArchives } from "./archive-fuzz.ts";

test("each of 20,000 random archives gets a verdict, and an accepted one stays in its folder", async () => {
  const report = await fuzzArchives(1, 20_000);
  expect(report.problems).toEqual([]);
  // Both verdicts must be common, or the test proves nothing.
  expect(report.accepted).toBeGreaterThan(4_000);
  expect(report.refused).toBeGreaterThan(4_000);
}, 240_000);
