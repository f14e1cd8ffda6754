import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JobResource } from "#shared/schemas/job.ts";
import { createRandom, type Random } from "../../simulation/model/random.ts";
import { type ChaosJob, chaosJob } from "../../support/builders/chaos-jobs.ts";
import { waitFor } from "../../support/wait-for.ts";
import { BrokerLab } from "../../support/worlds/broker-lab.ts";

const seed = Number(process.env["CHAOS_SEED"] ?? 7);
const jobs_count = 60;
const acts_count = 10;

let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start({ heartbeat_ms: 1_000 });
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, 60_000);

/** What happens to the platform, each to its end: a fault, and a while later its mending. */
function acts(random: Random): Readonly<Record<string, () => Promise<void>>> {
  const { lab, postgres } = world;
  const worker = () => random.pick(lab.workers);
  const while_ms = () => Bun.sleep(random.between(500, 6_000));
  return {
    async kill_broker() {
      await world.broker.kill();
      world.broker = await world.startBroker();
    },
    async kill_database() {
      await postgres.halt("SIGKILL");
      await while_ms();
      await postgres.start();
    },
    async kill_manager() {
      await lab.manager.kill();
      await lab.manager.restart();
    },
    async restart_manager() {
      await lab.manager.restart();
    },
    async kill_worker() {
      const node = worker();
      await node.kill();
      await node.restart();
    },
    async power_off_worker() {
      const node = worker();
      await node.powerOff();
      await while_ms();
      await node.restart();
    },
    async cut_worker() {
      const node = worker();
      await node.cut();
      await while_ms();
      await node.restore();
    },
  };
}

/** Everything that the API says of jobs, from beginning to end: a final state must not change. */
class Witness {
  readonly #ends = new Map<string, string>();
  readonly changes: string[] = [];

  see({ id, state, exit_code, reason, times }: JobResource): void {
    if (!times.ended) return;
    const end = JSON.stringify([state, exit_code, reason, times.ended]);
    const first = this.#ends.get(id) ?? end;
    if (first !== end) this.changes.push(`job ${id} was ${first} and became ${end}`);
    this.#ends.set(id, first);
  }
}

async function submitAll(random: Random, submitted: Map<string, ChaosJob>): Promise<void> {
  for (let serial = 1; serial <= jobs_count; serial += 1) {
    const job = chaosJob(serial, random);
    const id = await world.submit(job.request);
    submitted.set(id, job);
    if (job.isCancelled) setTimeout(() => void cancel(id), random.between(0, 5_000));
    await Bun.sleep(random.between(100, 1_200));
  }
}

const cancel = (id: string) =>
  waitFor(async () => (await world.ask(`/v1/jobs/${id}`, { method: "DELETE" })).ok, {
    deadline_ms: 60_000,
    every_ms: 200,
    what: "a cancel",
  });

async function disturb(random: Random): Promise<string[]> {
  const all = acts(random);
  const done: string[] = [];
  for (let count = acts_count; count > 0; count -= 1) {
    await Bun.sleep(random.between(1_000, 4_000));
    const name = random.pick(Object.keys(all));
    process.stderr.write(`chaos: ${new Date().toISOString()} ${name}\n`);
    await all[name]?.();
    done.push(name);
  }
  return done;
}

test(`${jobs_count} jobs among killed and cut nodes, engines, brokers and databases (seed ${seed})`, async () => {
  const submitted = new Map<string, ChaosJob>();
  const witness = new Witness();
  const [done] = await Promise.all([disturb(createRandom(seed)), submitAll(createRandom(seed + 1), submitted)]);
  const ends = await waitFor(
    async () => {
      const jobs = await Promise.all([...submitted.keys()].map((id) => world.get(id)));
      for (const job of jobs) witness.see(job);
      return jobs.every(({ times }) => times.ended) ? jobs : null;
    },
    { deadline_ms: 240_000, every_ms: 500, what: "the end of all jobs" },
  );
  for (const job of ends) await submitted.get(job.id)?.check(world, job);
  const { docker } = world.lab.manager;
  await waitFor(
    async () => {
      const leases = (await world.sql`select 1 from capacity_leases`).length;
      const unclean = (await world.sql`select 1 from jobs where cleaned_at is null`).length;
      const services = (await docker.listServices()).length;
      const networks = (await docker.listNetworks()).filter(({ Name }) => Name.startsWith("platform-job-")).length;
      const volumes = await Promise.all(world.lab.workers.map((worker) => worker.docker.listVolumes()));
      return leases + unclean + services + networks + volumes.flatMap(({ Volumes }) => Volumes ?? []).length === 0;
    },
    { deadline_ms: 120_000, every_ms: 500, what: "nothing left of any job" },
  );
  for (const job of await Promise.all(ends.map(({ id }) => world.get(id)))) witness.see(job);
  expect(witness.changes).toEqual([]);

  const strays = new Set((await world.sql`select job from job_events where kind = 'stray_task'`).map(({ job }) => job));
  const twice = ends.filter(({ id }) => world.startsOf(id) > 1 && !strays.has(id)).map(({ id }) => id);
  expect(twice).toEqual([]);
  const ours = ends.filter(({ fault }) => fault === "platform").length;
  // Faults hit those that were there: most jobs get the end that their command has.
  expect(ours).toBeLessThan(jobs_count / 2);
  const states = Object.fromEntries(
    [...Map.groupBy(ends, ({ state }) => state)].map(([name, all]) => [name, all.length]),
  );
  process.stderr.write(`chaos: ${JSON.stringify({ seed, acts: done, states, ours, strays: strays.size })}\n`);
}, 480_000);
