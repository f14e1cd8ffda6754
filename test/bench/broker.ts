/**
 * What the broker costs, as a black box: the compiled executable over HTTP, beside the bare Engine API or a bare server in the
 * same run, taking turns.  `bun run test/bench/broker.ts [dispatch|throughput|staged|accept|running]…`; all without names.
 */
import { readdirSync, readFileSync } from "node:fs";
import { accepting } from "./broker/accept.ts";
import { dispatchLatency } from "./broker/dispatch.ts";
import { type LabBench, startLabBench } from "./broker/lab-bench.ts";
import { say } from "./broker/measures.ts";
import { manyRunning } from "./broker/running.ts";
import { stagedSteps } from "./broker/staged.ts";
import { dispatchThroughput } from "./broker/throughput.ts";

const onLab: Readonly<Record<string, (bench: LabBench) => Promise<void>>> = {
  dispatch: dispatchLatency,
  throughput: dispatchThroughput,
  staged: stagedSteps,
};
const alone: Readonly<Record<string, () => Promise<void>>> = { accept: accepting, running: manyRunning };
const names = [...Object.keys(onLab), ...Object.keys(alone)];

/** A part that fails does not keep the others from being measured. */
async function measure(name: string, part: () => Promise<void>): Promise<void> {
  const begin = performance.now();
  try {
    await part();
  } catch (error) {
    process.exitCode = 1;
    say(`${name} failed: ${error instanceof Error ? error.stack : error}`);
  }
  say(`(${name}: ${((performance.now() - begin) / 1_000).toFixed(0)} s)`);
}

async function main(asked: readonly string[]): Promise<void> {
  const unknown = asked.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no part "${unknown}": the parts are ${names.join(", ")}`);
  const wanted = (name: string) => asked.length === 0 || asked.includes(name);
  const labParts = Object.entries(onLab).filter(([name]) => wanted(name));
  if (labParts.length > 0) {
    await measure("lab", async () => {
      await using bench = await startLabBench();
      for (const [name, part] of labParts) await measure(name, () => part(bench));
    });
  }
  for (const [name, part] of Object.entries(alone)) if (wanted(name)) await measure(name, part);
}

/** The pids of what this process has started and not ended. */
function children(): number[] {
  const threads = readdirSync("/proc/self/task");
  const lists = threads.map((thread) => readFileSync(`/proc/self/task/${thread}/children`, "utf8"));
  return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(signal, () => {
    for (const pid of children()) process.kill(pid, "SIGTERM");
    say("interrupted; the next lab that starts removes this one");
    process.exit(130);
  });

await main(Bun.argv.slice(2));
process.exit();
