import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const projectRoot = join(import.meta.dir, "../../..");

/** What of the build a suite runs on. */
type Need = "executables" | "images";

interface Suite {
  readonly minutes_max: number;
  /** One test's default limit; a test may give itself more. */
  readonly test_seconds_max: number;
  readonly needs: readonly Need[];
}

/** Longest first: they start first, and the short ones fill the other place. */
const suites: Readonly<Record<string, Suite>> = {
  swarm: { minutes_max: 15, test_seconds_max: 120, needs: ["executables", "images"] },
  check: { minutes_max: 8, test_seconds_max: 0, needs: [] },
  simulation: { minutes_max: 20, test_seconds_max: 180, needs: [] },
  integration: { minutes_max: 10, test_seconds_max: 60, needs: ["executables"] },
  browser: { minutes_max: 8, test_seconds_max: 60, needs: ["executables"] },
  chain: { minutes_max: 8, test_seconds_max: 60, needs: ["executables"] },
  contract: { minutes_max: 8, test_seconds_max: 30, needs: ["executables"] },
  unit: { minutes_max: 8, test_seconds_max: 10, needs: [] },
};
const bench_minutes_max = 30;

/** One suite, or one bench, that was asked for. */
export interface SuiteRun {
  readonly title: string;
  readonly kind: "tests" | "command" | "bench";
  readonly command: readonly string[];
  readonly seconds_max: number;
  readonly needs: readonly Need[];
}

/** Where a suite's JUnit report and output go. */
export function resultPath(title: string, extension: "xml" | "log"): string {
  return join(projectRoot, "dist/test-results", `${title.replace(" ", "-")}.${extension}`);
}

/** The suites that the command line names, or all but benches; throws a sentence about a name that is none. */
export function parseAsked(names: readonly string[]): SuiteRun[] {
  const runs: SuiteRun[] = [];
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] ?? "";
    if (name === "bench") {
      index += 1;
      runs.push(benchRun(names[index]));
    } else runs.push(suiteRun(name));
  }
  if (runs.length > 0) return runs;
  return Object.keys(suites).filter(hasTests).map(suiteRun);
}

function hasTests(name: string): boolean {
  if (name === "check") return true;
  return (
    existsSync(join(projectRoot, "test", name)) &&
    [...new Bun.Glob("**/*.test.{ts,tsx}").scanSync(join(projectRoot, "test", name))].length > 0
  );
}

function suiteRun(name: string): SuiteRun {
  const suite = suites[name];
  if (!suite)
    throw new Error(`no suite "${name}": the suites are ${Object.keys(suites).join(", ")}, and bench SUBJECT`);
  if (!hasTests(name)) throw new Error(`the suite ${name} has no tests`);
  const shared = { title: name, seconds_max: suite.minutes_max * 60, needs: suite.needs };
  if (name === "check") return { ...shared, kind: "command", command: [process.execPath, "run", "check"] };
  const command = [
    ...[process.execPath, "test", "--isolate", `--timeout=${suite.test_seconds_max * 1_000}`],
    ...["--reporter=junit", `--reporter-outfile=${resultPath(name, "xml")}`, `./test/${name}/`],
  ];
  return { ...shared, kind: "tests", command };
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
