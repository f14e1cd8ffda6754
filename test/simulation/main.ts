/** `bun run simulate --seeds N --from SEED`: the broker on a model Swarm, one seeded run after another; a failing seed replays exactly. */
import { parseArgs } from "node:util";
import { runScenario } from "./broker/scenario.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "100" }, from: { type: "string", default: "1" } },
});
const [from, count] = [Number(values.from), Number(values.seeds)];
let failed = 0;
for (let seed = from; seed < from + count; seed += 1) {
  try {
    const { jobs, states } = await runScenario(seed);
    process.stdout.write(`seed ${seed}: ${jobs} jobs ${JSON.stringify(states)}\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`${(error as Error).message}\n`);
  }
}
process.stdout.write(`${count - failed} passed, ${failed} failed, 0 skipped\n`);
process.exit(failed === 0 ? 0 : 1);
