import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { projectRoot, resultPath, type SuiteRun } from "./suite-list.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface SuiteResult extends Counts {
  readonly seconds: number;
  readonly output: string;
  /** A failure that the counts do not show: a time limit or a crash. */
  readonly note?: string;
}

const running = new Set<number>();

/** Ends every running suite and all processes that it started. */
export function endRunningSuites(): void {
  for (const leader of running) endGroup(leader);
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

/** Runs a suite until it ends or reaches its time limit. Everything that goes wrong counts as at least one failure. */
export async function runSuite(run: SuiteRun): Promise<SuiteResult> {
  const started = performance.now();
  const [log, xml] = [resultPath(run.title, "log"), resultPath(run.title, "xml")];
  mkdirSync(dirname(log), { recursive: true });
  rmSync(xml, { force: true });
  const descriptor = openSync(log, "w");
  // The suite gets its own session, so that it can be ended together with all processes that it started.
  const child = Bun.spawn(["setsid", ...run.command], {
    cwd: projectRoot,
    stdin: "ignore",
    stdout: descriptor,
    stderr: descriptor,
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
  });
  running.add(child.pid);
  let isOverTime = false;
  const limit = setTimeout(() => {
    isOverTime = true;
    endGroup(child.pid);
  }, run.seconds_max * 1_000);
  const exitCode = await child.exited;
  clearTimeout(limit);
  running.delete(child.pid);
  const output = readFileSync(log, "utf8");
  const counts = countsOf(run, exitCode, output, existsSync(xml) ? readFileSync(xml, "utf8") : undefined);
  const note = isOverTime ? `ended at its limit of ${run.seconds_max} s` : counts.note;
  return { ...counts, seconds: (performance.now() - started) / 1_000, output, ...(note ? { note } : {}) };
}

function countsOf(
  { kind }: SuiteRun,
  exitCode: number,
  output: string,
  xml: string | undefined,
): Counts & { readonly note?: string } {
  if (kind === "bench") return { passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  const counts = kind === "tests" ? junitCounts(xml ?? "") : summaryCounts(output);
  if (!counts) return { passed: 0, failed: 1, skipped: 0, note: `no result; exit code ${exitCode}` };
  if (exitCode !== 0 && counts.failed === 0)
    return { ...counts, failed: 1, note: `exit code ${exitCode} without a failed test` };
  return counts;
}

/** The totals in the root element of a JUnit report. Undefined: the report has no root element. */
export function junitCounts(xml: string): Counts | undefined {
  const root = /<testsuites\b([^>]*)>/.exec(xml)?.[1];
  if (root === undefined) return undefined;
  const attribute = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}

/** The counts in the last line of the form "N passed, N failed, N skipped". */
export function summaryCounts(output: string): Counts | undefined {
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)].at(-1);
  return last && { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3]) };
}
