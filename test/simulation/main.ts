/**
 * `bun run simulate --seeds N --from SEED` runs the broker on a model Swarm, seed by seed. A failing seed replays exactly,
 * and is shrunk to the smallest part of its schedule that still fails.
 */
import { parseArgs } from "node:util";
import { runScenario, shrink } from "./broker/scenario.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    verbose: { type: "boolean", default: false },
  },
});
const [from, count] = [Number(values.from), Number(values.seeds)];
const say = (text: string) => void process.stdout.write(`${text}\n`);
let failed = 0;
const total: Record<string, number> = {};
for (let seed = from; seed < from + count; seed += 1) {
  try {
    const { jobs, states, reasons, strays, reaped } = await runScenario(seed);
    if (values.verbose) say(`seed ${seed}: ${jobs} jobs ${JSON.stringify(states)}, ${strays} strays`);
    for (const [name, ends] of Object.entries({ ...states, ...reasons, strays, reaped }))
      total[name] = (total[name] ?? 0) + ends;
  } catch (error) {
    failed += 1;
    say((error as Error).message);
    if (failed > 3) continue;
    const { steps, ...faults } = await shrink(seed);
    say(`  with ${JSON.stringify(faults)} and the steps`);
    for (const step of steps) say(`  ${JSON.stringify(step)}`);
  }
}
say(JSON.stringify(total));
say(`${count - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
