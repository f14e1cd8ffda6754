import { parseArgs } from "node:util";
import { type EngineVersion, engineSuites } from "./engine-node.ts";
import { openLab, startLab } from "./lab.ts";
import { listSlots, reclaim, releaseSlot, type Slot } from "./slot.ts";

const usage = `A real three-node Docker Swarm on this machine.

  bun run test/lab/main.ts up [--engine 20.10|26.1|28] start one, kept until it is taken down
  bun run test/lab/main.ts list                    labs of this machine
  bun run test/lab/main.ts exec ID NODE COMMAND…   run a command on a node (docker is in PATH, with that node's engine)
  bun run test/lab/main.ts down ID|all             take down; without ID what crashed runs left
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function slotNumbered(text: string | undefined): Slot {
  const found = listSlots().find(({ slot }) => `${slot.number}` === text);
  if (!found) throw new Error(`no lab ${text ?? ""}: see "list"`);
  return found.slot;
}

async function up(engine: string): Promise<void> {
  if (!(engine in engineSuites))
    throw new Error(`--engine is one of ${Object.keys(engineSuites).join(", ")}, not ${engine}`);
  const started = performance.now();
  const lab = await startLab({ engine: engine as EngineVersion, keep: true });
  say(`lab ${lab.id} is up after ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  for (const node of [lab.manager, ...lab.workers])
    say(`${node.name}\t${node.ip}\tdocker -H unix://${node.socketPath}`);
}

function list(): void {
  for (const { slot, ownership } of listSlots()) {
    const owner = ownership?.owner ? `of process ${ownership.owner.pid}` : "kept";
    say(`${slot.number}\t${slot.subnet}.0/24\tengine ${ownership?.engine}\t${owner}\tsince ${ownership?.started_at}`);
  }
}

async function exec([id, node = "", ...command]: string[]): Promise<number> {
  const lab = openLab(slotNumbered(id));
  const { exitCode, stdout, stderr } = await lab.node(node).exec(command);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return exitCode;
}

async function down(id: string | undefined): Promise<void> {
  await reclaim();
  if (id === "all") for (const { slot } of listSlots()) await releaseSlot(slot);
  else if (id !== undefined) await releaseSlot(slotNumbered(id));
}

const [command, ...rest] = Bun.argv.slice(2);
if (command === "up") {
  const { values } = parseArgs({ args: rest, options: { engine: { type: "string", default: "26.1" } } });
  await up(values.engine);
} else if (command === "list") list();
else if (command === "exec") process.exitCode = await exec(rest);
else if (command === "down") await down(rest[0]);
else {
  process.stderr.write(usage);
  process.exitCode = 2;
}
// The engines run on. This process must not wait for them.
process.exit();
