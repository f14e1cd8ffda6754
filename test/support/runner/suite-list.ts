import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const projectRoot = join(import.meta.dir, "../../..");

/** The parts of the build that a suite needs. */
type Need = "executables" | "images";

interface Suite {
  readonly minutes_max: number;
  /** The default time limit of a test. A test may set a longer one. */
  readonly test_seconds_max: number;
  readonly needs: readonly Need[];
}

/** All suites, the longest first. They start in this order: a long suite takes one place, and short ones fill the other. */
const suites: Readonly<Record<string, Suite>> = {
  swarm: { minutes_max: 25, test_seconds_max: 120, needs: ["executables", "images"] },
  check: { minutes_max: 8, test_seconds_max: 0, needs: [] },
  simulation: { minutes_max: 25, test_seconds_max: 180, needs: [] },
  integration: { minutes_max: 20, test_seconds_max: 60, needs: ["executables"] },
  browser: { minutes_max: 8, test_seconds_max: 60, needs: ["executables"] },
  chain: { minutes_max: 8, test_seconds_max: 60, needs: ["executables"] },
  contract: { minutes_max: 8, test_seconds_max: 30, needs: ["executables"] },
  unit: { minutes_max: 8, test_seconds_max: 10, needs: [] },
};
const bench_minutes_max = 30;

/** One requested suite or bench. */
export interface SuiteRun {
  readonly title: string;
  readonly kind: "tests" | "command" | "bench";
  readonly command: readonly string[];
  readonly seconds_max: number;
  readonly needs: readonly Need[];
}

/** The path of a suite's JUnit report (xml) or output (log). */
export function resultPath(title: string, extension: "xml" | "log"): string {
  return join(projectRoot, "dist/test-results", `${title.replace(" ", "-")}.${extension}`);
}

/**
 * Reads the command line. A word is a suite, a bench (`bench SUBJECT`) or a part of a test file's path (`broker/pace` or
 * `broker-pace`). A part selects files of the suite before it, or of every suite if no suite is before it. Without words
 * it selects all suites.
 *
 * @throws Error that names a word which is none of these
 */
export function parseAsked(words: readonly string[]): SuiteRun[] {
  const runs: SuiteRun[] = [];
  const waiting = [...words];
  for (let word = waiting.shift(); word !== undefined; word = waiting.shift()) {
    if (word === "bench") {
      runs.push(benchRun(waiting.shift()));
      continue;
    }
    const parts = waiting.splice(0, countOf(waiting));
    if (isSuite(word)) runs.push(suiteRun(word, parts));
    else runs.push(...runsOfParts([word, ...parts]));
  }
  if (runs.length > 0) return runs;
  return Object.keys(suites)
    .filter(hasTests)
    .map((name) => suiteRun(name, []));
}

/** The number of words at the start that are parts of paths. */
function countOf(words: readonly string[]): number {
  const end = words.findIndex((word) => word === "bench" || isSuite(word));
  return end === -1 ? words.length : end;
}

function isSuite(word: string): boolean {
  return Object.hasOwn(suites, word);
}

/** The suites' test files, as paths from the project's folder. */
function testFiles(suite: string): string[] {
  const folder = join(projectRoot, "test", suite);
  if (!existsSync(folder)) return [];
  return [...new Bun.Glob("**/*.test.{ts,tsx}").scanSync(folder)].map((path) => `./test/${suite}/${path}`).sort();
}

function hasTests(suite: string): boolean {
  return suite === "check" || testFiles(suite).length > 0;
}

/** The suite's test files whose path contains `part`. Slash and dash count as equal: `broker-pace` is `broker/pace`. */
function matching(suite: string, part: string): string[] {
  const plain = (path: string): string => path.replace(/[^a-z0-9]+/gi, "-");
  return testFiles(suite).filter((path) => plain(path).includes(plain(part)));
}

function runsOfParts(parts: readonly string[]): SuiteRun[] {
  for (const part of parts) {
    if (!Object.keys(suites).some((suite) => matching(suite, part).length > 0))
      throw new Error(
        `no suite and no test file "${part}": the suites are ${Object.keys(suites).join(", ")}, and bench SUBJECT`,
      );
  }
  const isMeant = (suite: string): boolean => parts.some((part) => matching(suite, part).length > 0);
  return Object.keys(suites)
    .filter(isMeant)
    .map((suite) => testsRun(suite, [...new Set(parts.flatMap((part) => matching(suite, part)))]));
}

function suiteRun(name: string, parts: readonly string[]): SuiteRun {
  if (!hasTests(name)) throw new Error(`the suite ${name} has no tests`);
  if (name === "check") return checkRun(parts);
  if (parts.length === 0) return testsRun(name, [`./test/${name}/`]);
  const files = parts.flatMap((part) => {
    const found = matching(name, part);
    if (found.length === 0) throw new Error(`no test file of ${name} has "${part}" in its path`);
    return found;
  });
  return testsRun(name, [...new Set(files)]);
}

function checkRun(options: readonly string[]): SuiteRun {
  const { minutes_max, needs } = suiteOf("check");
  const command = [process.execPath, "run", "check", ...options];
  return { title: "check", kind: "command", command, seconds_max: minutes_max * 60, needs };
}

function testsRun(name: string, paths: readonly string[]): SuiteRun {
  const { minutes_max, test_seconds_max, needs } = suiteOf(name);
  const command = [
    process.execPath,
    "test",
    "--isolate",
    `--timeout=${test_seconds_max * 1_000}`,
    "--reporter=junit",
    `--reporter-outfile=${resultPath(name, "xml")}`,
    ...paths,
  ];
  return { title: name, kind: "tests", command, seconds_max: minutes_max * 60, needs };
}

function suiteOf(name: string): Suite {
  const suite = suites[name];
  if (!suite) throw new Error(`no suite "${name}"`);
  return suite;
}

function benchRun(subject: string | undefined): SuiteRun {
  const folder = join(projectRoot, "test/bench");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".ts")) : [];
  const subjectOf = (file: string): string => file.replace(/(\.bench)?\.ts$/, "");
  const file = files.find((candidate) => subjectOf(candidate) === subject);
  if (subject === undefined || file === undefined)
    throw new Error(`no bench "${subject ?? ""}": the subjects are ${files.map(subjectOf).join(", ") || "none yet"}`);
  return {
    title: `bench ${subject}`,
    kind: "bench",
    command: [process.execPath, "run", `test/bench/${file}`],
    seconds_max: bench_minutes_max * 60,
    needs: ["executables", "images"],
  };
}
