import type { JobResource } from "#shared/schemas/job.ts";
import { type LabBench, smallJob } from "./lab-bench.ts";
import { cpuSeconds, inParallel, median, report, say } from "./measures.ts";

const jobs = 60;
/** Jobs that may be under way at once. */
const slots = 8;
const rounds = 3;
const command = ["true"];
const numbers = Array.from({ length: jobs }, (_, index) => index);

/** Short jobs from the first request to the end of the last, with the same number under way at once. */
export async function dispatchThroughput(bench: LabBench): Promise<void> {
  const { broker, quiet } = bench;
  await broker.setPolicy({ running_max: slots });
  const [ours, peer]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const isBareFirst = round % 2 === 1;
    for (const isBare of [isBareFirst, !isBareFirst]) {
      await quiet();
      const seconds = await (isBare ? bareRound(bench) : brokeredRound(bench, `round-${round}`));
      (isBare ? peer : ours).push(jobs / seconds);
    }
  }
  await broker.setPolicy({});
  report("dispatch_per_second", "per_second", median(ours), median(peer));
  const list = (rates: readonly number[]) => rates.map((rate) => rate.toFixed(2)).join(" ");
  say(`${jobs} jobs of \`true\`, ${slots} at once, per second in each round: ours ${list(ours)}; raw ${list(peer)}`);
}

async function brokeredRound({ broker }: LabBench, job_id: string): Promise<number> {
  const begin_ms = Date.now();
  const cpu = cpuSeconds(broker.pid);
  await inParallel(numbers, slots, async () => void (await broker.submit({ ...smallJob, job_id, command })));
  for (let looks = 0; looks < 600; looks += 1) {
    const page = await fetch(`${broker.url}/v1/jobs?job_id=${job_id}&limit=200`, { headers: broker.headers });
    const { items } = (await page.json()) as { items: JobResource[] };
    const failed = items.find(({ state, times }) => times.ended !== null && state !== "succeeded");
    if (failed) throw new Error(`job ${failed.id} ${failed.state}: ${JSON.stringify(failed.reason)}`);
    if (items.every(({ times }) => times.ended !== null)) {
      sayPhases(items, cpuSeconds(broker.pid) - cpu);
      return (Math.max(...items.map(({ times }) => Date.parse(times.ended ?? ""))) - begin_ms) / 1_000;
    }
    await Bun.sleep(250);
  }
  throw new Error(`${jobs} short jobs did not end within 150 s`);
}

/** How long jobs spend in each phase. */
function sayPhases(items: readonly JobResource[], cpu_seconds: number): void {
  const phase = (from: "starting" | "running" | "collecting", to: "running" | "collecting" | "ended") => {
    const both = items.flatMap(({ times }) => {
      const [begin, end] = [times[from], times[to]];
      return begin && end ? [Date.parse(end) - Date.parse(begin)] : [];
    });
    return both.length > 0 ? `${from} to ${to} ${median(both)} ms (${both.length})` : `${from} to ${to} never seen`;
  };
  const phases = [phase("starting", "collecting"), phase("starting", "running"), phase("collecting", "ended")];
  say(`  ${phases.join(", ")}; ${((cpu_seconds / items.length) * 1_000).toFixed(0)} ms of the broker's CPU a job`);
}

async function bareRound({ raw }: LabBench): Promise<number> {
  const begin = performance.now();
  await inParallel(numbers, slots, async () => {
    const job = await raw.create(command);
    const task = await job.over();
    if (task.Status.State !== "complete") throw new Error(`a bare job is ${task.Status.State}: ${task.Status.Err}`);
    await job.readLog(task);
    await job.remove();
  });
  return (performance.now() - begin) / 1_000;
}
