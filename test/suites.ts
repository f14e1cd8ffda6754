/** `./test/run.sh` after its bootstrap: runs suites, two at a time, one line for each as it ends, and last the sum. */
import { availableParallelism } from "node:os";
import { reclaim } from "./lab/slot.ts";
import { prepareBuild } from "./support/runner/suite-build.ts";
import { parseAsked, type SuiteRun } from "./support/runner/suite-list.ts";
import { endRunningSuites, runSuite, type SuiteResult } from "./support/runner/suite-process.ts";

const at_once_max = Math.min(2, availableParallelism());
const isCi = process.env["CI"] === "true";
const print = (text: string): void => void process.stdout.write(`${text}\n`);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    endRunningSuites();
    print("interrupted");
    process.exit(130);
  });

function report(run: SuiteRun, { seconds, passed, failed, skipped, output, note }: SuiteResult): void {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  print(`${run.title.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${counts}${note ? `  (${note})` : ""}`);
  const isBench = run.kind === "bench";
  if (failed > 0 || isBench || (isCi && skipped > 0)) print(output.trimEnd());
}

async function runAll(runs: readonly SuiteRun[]): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  const waiting = [...runs];
  const worker = async (): Promise<void> => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      const result = await runSuite(run);
      report(run, result);
      results.push(result);
    }
  };
  // A bench measures: nothing runs beside it.
  const workers = runs.some(({ kind }) => kind === "bench") ? 1 : at_once_max;
  await Promise.all(Array.from({ length: workers }, worker));
  return results;
}

async function main(): Promise<number> {
  const runs = parseAsked(Bun.argv.slice(2));
  await prepareBuild(runs);
  const results = await runAll(runs);
  // What a suite that was ended at its limit could not take down itself.
  if (process.getuid?.() === 0) await reclaim();
  const sum = (count: (result: SuiteResult) => number): number => results.reduce((total, one) => total + count(one), 0);
  const [passed, failed, skipped] = [sum((r) => r.passed), sum((r) => r.failed), sum((r) => r.skipped)];
  if (isCi && skipped > 0) print("skipped tests count as failures in CI");
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 || (isCi && skipped > 0) ? 1 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  print("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}
