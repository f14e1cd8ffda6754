import { hasEnded } from "#shared/schemas/job.ts";
import { createRandom } from "../model/random.ts";
import { perform, randomSchedule, type Schedule } from "./schedule.ts";
import { BrokerWorld } from "./world.ts";

export interface ScenarioReport {
  readonly seed: number;
  readonly jobs: number;
  readonly states: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly strays: number;
  readonly reaped: number;
  /** A hash over every call to engine and database and every end, for comparing two runs of one seed. */
  readonly trace: string;
}

const quiet_ms = 1_500_000;

export function scheduleOf(seed: number): Schedule {
  return randomSchedule(createRandom(seed ^ 0x5c4ed));
}

/** One seeded run. Jobs arrive while nodes, manager, engine, database and broker fail. Then the faults end, and so must every job. */
export async function runScenario(seed: number, schedule: Schedule = scheduleOf(seed)): Promise<ScenarioReport> {
  const world = new BrokerWorld(seed);
  const { clock, engineFaults, storeFaults, stagerFaults } = world;
  const check = () => world.assert();
  try {
    world.restartBroker();
    void world.supervise();
    Object.assign(engineFaults, { call_failure: schedule.call_failure, log_hang: schedule.log_hang });
    storeFaults.call_failure = schedule.store_failure;
    stagerFaults.failure = schedule.stager_failure;
    for (const { submits, act, pause_ms } of schedule.steps) {
      for (let count = submits; count > 0; count -= 1) world.submit();
      if (act) perform(world, act);
      await clock.advance(pause_ms, check);
    }
    Object.assign(engineFaults, { call_failure: 0, log_hang: 0, isDown: false });
    storeFaults.call_failure = 0;
    stagerFaults.failure = 0;
    world.table.closing.clear();
    for (const node of world.nodes) node.isDiskLow = false;
    for (const node of world.nodes) if (world.swarm.nodes.has(node.id)) world.swarm.restoreNode(node);
    world.nodes.splice(0, world.nodes.length, ...world.swarm.nodes.values());
    for (let waited_ms = 0; waited_ms < quiet_ms && !world.isOver(); waited_ms += 10_000)
      await clock.advance(10_000, check);
    // Leftovers of a delayed broker are looked for only now and then, and janitors only once they are old.
    await clock.advance(200_000, check);
    world.assertEnd();
  } catch (cause) {
    throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
  }
  return reportOf(seed, world);
}

function reportOf(seed: number, { table, trace }: BrokerWorld): ScenarioReport {
  const jobs = [...table.jobs.values()];
  const count = (names: readonly string[]) =>
    Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
  const ends = jobs.map(({ id, state, ended_ms, exit_code }) => [id, state, ended_ms, exit_code]);
  return {
    seed,
    jobs: jobs.length,
    states: count(jobs.filter(hasEnded).map(({ state }) => state)),
    reasons: count(jobs.flatMap(({ outcome }) => outcome?.reason?.name ?? [])),
    strays: table.strays.size,
    reaped: table.reaped.size,
    trace: Bun.hash(`${trace} ${JSON.stringify(ends)}`).toString(16),
  };
}

/** The smallest part of a failing schedule that still fails. Steps lose their acts, then their jobs, then are dropped. */
export async function shrink(seed: number): Promise<Schedule> {
  let schedule = scheduleOf(seed);
  const fails = (candidate: Schedule) =>
    runScenario(seed, candidate).then(
      () => false,
      () => true,
    );
  const tryEach = async (lessen: (schedule: Schedule, at: number) => Schedule | null) => {
    for (let at = schedule.steps.length - 1; at >= 0; at -= 1) {
      const candidate = lessen(schedule, at);
      if (candidate && (await fails(candidate))) schedule = candidate;
    }
  };
  for (const fault of ["call_failure", "log_hang", "store_failure", "stager_failure"] as const) {
    const candidate = { ...schedule, [fault]: 0 };
    if (schedule[fault] > 0 && (await fails(candidate))) schedule = candidate;
  }
  const changed = (all: Schedule, at: number, change: Partial<Schedule["steps"][number]>) => ({
    ...all,
    steps: all.steps.map((step, index) => (index === at ? { ...step, ...change } : step)),
  });
  await tryEach((all, at) => (all.steps[at]?.act ? changed(all, at, { act: null }) : null));
  await tryEach((all, at) => (all.steps[at]?.submits ? changed(all, at, { submits: 0 }) : null));
  await tryEach((all, at) => ({ ...all, steps: all.steps.filter((_, index) => index !== at) }));
  return schedule;
}
