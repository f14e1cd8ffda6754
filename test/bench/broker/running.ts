import { waitFor } from "../../support/wait-for.ts";
import { type BenchBroker, startBenchBroker } from "./bench-broker.ts";
import { startDurablePostgres } from "./durable-postgres.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { smallJob } from "./lab-bench.ts";
import { cpuPercent, inParallel, median, report, residentMegabytes, say, spread } from "./measures.ts";

const running = 500;
const queued = 10_000;
const node_count = 5;
/** The most that watching 500 running jobs may cost. */
const cpu_percent_budget = 5;
const watch_seconds = 20;
const calls = 200;
const job = { ...smallJob, command: ["sleep", "1000000"], timeout_seconds: 86_400 };

/** What watching many jobs costs, and what the API answers while it goes on: 500 run on a model engine, 10,000 wait. */
export async function manyRunning(): Promise<void> {
  await using postgres = await startDurablePostgres();
  await using engine = await startFakeEngine({ node_count });
  await using broker = await startBenchBroker({
    database_url: await postgres.createDatabase(),
    docker_socket: engine.socket,
    policy: { running_max: running },
  });
  const ids = await submitMany(broker, running);
  await waitFor(async () => (await countOf(broker, "running")) === running, {
    deadline_ms: 120_000,
    every_ms: 500,
    what: `${running} running jobs`,
  });
  await Bun.sleep(2_000);
  report(
    "cpu_percent_500_running",
    "percent of one core",
    await cpuPercent(broker.pid, watch_seconds),
    cpu_percent_budget,
  );
  const few = await answers(broker, ids);
  const megabytes = residentMegabytes(broker.pid);

  const begin = performance.now();
  const waiting = await submitMany(broker, queued - (await countOf(broker, "queued")));
  const seconds = (performance.now() - begin) / 1_000;
  say(`${waiting.length} jobs queued in ${seconds.toFixed(1)} s: ${(waiting.length / seconds).toFixed(0)} per second`);
  const cpu = await cpuPercent(broker.pid, watch_seconds);
  say(`with ${queued} queued the broker uses ${cpu.toFixed(1)} percent of one core`);
  const many = await answers(broker, waiting);
  report("status_p50_ms_10000_queued", "ms", median(many.status), median(few.status));
  report("submit_p50_ms_10000_queued", "ms", median(many.submit), median(few.submit));
  say(`status, ms: ${queued} queued ${spread(many.status)}; none ${spread(few.status)}`);
  say(`submit, ms: ${queued} queued ${spread(many.submit)}; none ${spread(few.submit)}`);
  const after = residentMegabytes(broker.pid);
  say(`resident memory of the broker: ${megabytes.toFixed(0)} MB with ${running} running, ${after.toFixed(0)} MB then`);
}

async function submitMany(broker: BenchBroker, count: number): Promise<string[]> {
  const ids: string[] = [];
  const deadline = performance.now() + 180_000;
  const numbers = Array.from({ length: count }, (_, index) => index);
  await inParallel(numbers, 8, async () => {
    if (performance.now() > deadline) throw new Error(`only ${ids.length} of ${count} jobs were accepted in 180 s`);
    ids.push((await broker.submit(job)).id);
  });
  return ids;
}

async function countOf({ sql }: BenchBroker, state: string): Promise<number> {
  const [row] = await sql`select count(*)::int as jobs from jobs where state = ${state}`;
  return row?.["jobs"] as number;
}

/** One call after another, at no fixed place in the dispatcher's tick. */
async function answers(broker: BenchBroker, ids: readonly string[]) {
  const timed = async (call: () => Promise<unknown>) => {
    const begin = performance.now();
    await call();
    const ms = performance.now() - begin;
    await Bun.sleep(Math.random() * 20);
    return ms;
  };
  const [status, submit]: [number[], number[]] = [[], []];
  for (let call = 0; call < calls; call += 1) {
    const id = ids[Math.floor(Math.random() * ids.length)] ?? "";
    status.push(await timed(() => broker.job(id)));
  }
  for (let call = 0; call < calls; call += 1) submit.push(await timed(() => broker.submit(job)));
  return { status, submit };
}
