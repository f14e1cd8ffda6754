import { hasEnded } from "../../../roles/broker/job.ts";
import { BrokerWorld } from "./world.ts";

export interface ScenarioReport {
  readonly seed: number;
  readonly jobs: number;
  readonly states: Readonly<Record<string, number>>;
  /** Everything that was decided, for comparing two runs of one seed. */
  readonly digest: string;
}

const chaos_steps = 40;
const quiet_ms = 1_500_000;

/** One seeded run: jobs come while nodes, manager, engine, database and broker fail; then all is well and everything must end. */
export async function runScenario(seed: number): Promise<ScenarioReport> {
  const world = new BrokerWorld(seed);
  const { random, clock, engineFaults, storeFaults } = world;
  const check = () => world.assert();
  try {
    world.restartBroker();
    const isStormy = random.chance(0.8);
    engineFaults.call_failure = isStormy ? random.pick([0, 0.02, 0.1]) : 0;
    engineFaults.log_hang = isStormy ? random.pick([0, 0.1]) : 0;
    storeFaults.call_failure = isStormy ? random.pick([0, 0.02, 0.05]) : 0;
    for (let step = 0; step < chaos_steps; step += 1) {
      for (let count = random.between(0, 2); count > 0; count -= 1) world.submit();
      if (isStormy && random.chance(0.3)) disturb(world);
      await clock.advance(random.between(100, 6_000), check);
    }
    engineFaults.call_failure = 0;
    engineFaults.log_hang = 0;
    engineFaults.is_down = false;
    storeFaults.call_failure = 0;
    for (const node of world.nodes) world.swarm.restoreNode(node);
    for (let waited_ms = 0; waited_ms < quiet_ms && !world.isOver(); waited_ms += 10_000)
      await clock.advance(10_000, check);
    world.assertQuiet();
    world.assertResults();
  } catch (cause) {
    throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
  }
  const states: Record<string, number> = {};
  for (const job of world.table.jobs.values()) if (hasEnded(job)) states[job.state] = (states[job.state] ?? 0) + 1;
  const digest = Bun.hash(
    JSON.stringify(
      [...world.table.jobs.values()].map(({ id, state, ended_ms, exit_code }) => [id, state, ended_ms, exit_code]),
    ),
  ).toString(16);
  return { seed, jobs: world.table.jobs.size, states, digest };
}

function disturb(world: BrokerWorld): void {
  const { random, swarm, engineFaults } = world;
  const node = random.pick(world.nodes);
  const acts = [
    () => swarm.killNode(node),
    () => swarm.cutNode(node),
    () => swarm.restoreNode(node),
    () => swarm.restoreNode(node),
    () => swarm.restartManager(),
    () => swarm.updateNode(node),
    () => world.restartBroker(),
    () => world.restartBroker(),
    () => world.cancelOne(),
    () => {
      engineFaults.is_down = !engineFaults.is_down;
    },
    () => world.clock.stepWallClock(random.between(-2_000, 2_000)),
  ];
  random.pick(acts)();
}
