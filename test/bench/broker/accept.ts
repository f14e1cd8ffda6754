import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../support/runner/suite-list.ts";
import { startBenchBroker } from "./bench-broker.ts";
import { startDurablePostgres } from "./durable-postgres.ts";
import { startFakeEngine } from "./fake-engine.ts";
import { cpuSeconds, median, report, say } from "./measures.ts";
import { firstLine, program } from "./program.ts";

const rounds = 3;
const jobs = 600;
const at_once = 8;

interface Part {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rates: number[];
}

/** Jobs with different inline archives of 200 KB. None may run, so the dispatcher has nothing to start. */
export async function accepting(): Promise<void> {
  await using postgres = await startDurablePostgres();
  await using engine = await startFakeEngine({ node_count: 0 });
  await using broker = await startBenchBroker({
    database_url: await postgres.createDatabase(),
    docker_socket: engine.socket,
    policy: { running_max: 0 },
  });
  await using bare = await startBare(await postgres.createDatabase());
  const [ours, peer]: [Part, Part] = [
    { name: "ours", url: `${broker.url}/v1/jobs`, pid: broker.pid, headers: broker.headers, rates: [] },
    { name: "bare", url: bare.url, pid: bare.pid, headers: {}, rates: [] },
  ];
  for (let round = 0; round < rounds; round += 1) {
    for (const part of round % 2 === 0 ? [ours, peer] : [peer, ours]) part.rates.push(await rateOf(part));
    // Each round begins with an empty queue.
    await broker.sql`truncate jobs cascade`;
  }
  report("accept_per_second", "per_second", median(ours.rates), median(peer.rates));
}

async function rateOf({ name, url, pid, headers }: Part): Promise<number> {
  const before = cpuSeconds(pid);
  const command = program("broker-bench-load", url, JSON.stringify(headers), String(jobs), String(at_once));
  const load = Bun.spawn(command, { cwd: projectRoot, stdout: "pipe", stderr: "inherit", timeout: 120_000 });
  const text = await new Response(load.stdout).text();
  if ((await load.exited) !== 0) throw new Error(`the load on ${name} ended with ${load.exitCode}`);
  const { seconds, cpu_seconds } = JSON.parse(text) as { seconds: number; cpu_seconds: number };
  const cpu_ms = ((cpuSeconds(pid) - before) / jobs) * 1_000;
  const load_ms = (cpu_seconds / jobs) * 1_000;
  say(
    `accept ${name}: ${(jobs / seconds).toFixed(0)} per second; CPU ${cpu_ms.toFixed(2)} ms a job, of the load ${load_ms.toFixed(2)} ms`,
  );
  return jobs / seconds;
}

async function startBare(database_url: string) {
  const folder = mkdtempSync(join(tmpdir(), "platform-broker-bare-"));
  const child = Bun.spawn(program("broker-bench-bare", database_url, folder), {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  const port = await firstLine(child.stdout);
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
