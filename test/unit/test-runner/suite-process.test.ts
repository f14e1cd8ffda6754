import { describe, expect, test } from "bun:test";
import { identify } from "../../lab/owner.ts";
import { parseAsked, type SuiteRun } from "../../support/runner/suite-list.ts";
import { junitCounts, runSuite, summaryCounts } from "../../support/runner/suite-process.ts";
import { waitFor } from "../../support/wait-for.ts";

function suite(kind: SuiteRun["kind"], script: string, seconds_max = 5): SuiteRun {
  return { title: `self-test ${kind}`, kind, command: ["sh", "-c", script], seconds_max, needs: [] };
}

describe("counting a suite's results", () => {
  test("takes the totals of the JUnit root, errors among the failures", () => {
    const xml = `<testsuites name="bun test" tests="9" assertions="3" failures="2" errors="1" skipped="2" time="1.5">
      <testsuite name="inner" tests="4" failures="4" skipped="0"/></testsuites>`;
    expect(junitCounts(xml)).toEqual({ passed: 4, failed: 3, skipped: 2 });
  });

  test("finds no counts in a report that is missing or cut off", () => {
    expect(junitCounts("")).toBeUndefined();
    expect(junitCounts('<testsuites tests="9')).toBeUndefined();
  });

  test("takes the last summary line, and only a whole line", () => {
    expect(summaryCounts("1 passed, 0 failed, 0 skipped\nx\n3 passed, 1 failed, 2 skipped\nbye")).toEqual({
      passed: 3,
      failed: 1,
      skipped: 2,
    });
    expect(summaryCounts("it said 3 passed, 1 failed, 2 skipped today")).toBeUndefined();
  });
});

describe("running a suite", () => {
  test("counts what it says", async () => {
    const result = await runSuite(suite("command", "echo 2 passed, 0 failed, 1 skipped"));
    expect(result).toMatchObject({ passed: 2, failed: 0, skipped: 1 });
    expect(result.note).toBeUndefined();
  });

  test("counts a crash without a result as a failure", async () => {
    expect(await runSuite(suite("tests", "exit 3"))).toMatchObject({ passed: 0, failed: 1 });
    expect(await runSuite(suite("tests", "exit 0"))).toMatchObject({ passed: 0, failed: 1 });
  });

  test("counts a bad exit code beside good counts as a failure", async () => {
    const result = await runSuite(suite("command", "echo 2 passed, 0 failed, 0 skipped; exit 1"));
    expect(result).toMatchObject({ passed: 2, failed: 1 });
  });

  test("ends it at its limit, with what it started", async () => {
    const result = await runSuite(suite("command", "sleep 64213 & echo child $!; wait", 0.3));
    expect(result).toMatchObject({ failed: 1, note: "ended at its limit of 0.3 s" });
    const child = Number(/child (\d+)/.exec(result.output)?.[1]);
    await waitFor(() => identify(child) === undefined, { deadline_ms: 2_000, what: "end of the child" });
  });
});

test("an unknown suite or bench is refused with the names there are", () => {
  expect(() => parseAsked(["units"])).toThrow(/no suite and no test file "units".*unit/);
  expect(() => parseAsked(["bench"])).toThrow(/no bench ""/);
});

test("nothing asked is every suite with tests and no bench", () => {
  const titles = parseAsked([]).map(({ title }) => title);
  expect(titles).toContain("check");
  expect(titles).toContain("unit");
  expect(titles.some((title) => title.startsWith("bench"))).toBe(false);
});
