import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type Lab, startLab } from "../../lab/lab.ts";
import { bootMachine, type Machine } from "../../lab/machine.ts";
import { listSlots } from "../../lab/slot.ts";
import { findNode } from "../../lab/swarm.ts";
import { waitFor } from "../../support/wait-for.ts";

const root = join(import.meta.dir, "../../..");

let lab: Lab;
let machine: Machine;
let token: string;
beforeAll(async () => {
  lab = await startLab({ nodes: [{ name: "manager" }] });
  const found = listSlots().find(({ slot }) => slot.directory === lab.directory);
  if (!found) throw new Error(`no slot for ${lab.directory}`);
  machine = await bootMachine(found.slot, "fresh", 20);
  token = ((await lab.manager.docker.swarmInspect()) as { JoinTokens: { Worker: string } }).JoinTokens.Worker;
}, 60_000);
afterAll(() => lab.stop(), 60_000);

function install(...words: string[]) {
  const settings = [`ENGINE_DATA=${machine.directory}/data`, `ENGINE_COMMAND=${machine.directory}/docker`];
  return machine.exec(["env", ...settings, join(root, "deploy/install-worker.sh"), ...words], { timeout_ms: 150_000 });
}
const joining = (...more: string[]) => install("--manager", lab.manager.ip, "--token", token, ...more);

test("says what is missing before it changes anything", async () => {
  for (const [words, sentence] of [
    [[], "--manager is missing"],
    [["--manager", "m"], "--token is missing"],
    [["--manager"], "--manager needs a value"],
    [["--nodes", "3"], "there is no option --nodes"],
    [["--manager", "m", "--token", "t", "--images", "/nowhere"], "/nowhere/stager.tar is missing"],
  ] as const) {
    const { exitCode, stderr } = await install(...words);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(sentence)]);
  }
  expect((await lab.manager.docker.listNodes()).length).toBe(1);
}, 30_000);

test("a machine with nothing becomes a Ready worker with its GPU and the stager; again changes nothing", async () => {
  const wrong = await install("--manager", lab.manager.ip, "--token", token.replace(/.{4}$/, "xxxx"), "--gpu", "GPU-a");
  expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining("the Swarm was not joined: ")]);

  for (const line of ["Joining the Swarm", "This machine is in the Swarm already"]) {
    const { exitCode, stderr } = await joining("--gpu", "GPU-a");
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining(line)]);
    expect(stderr).toContain("platform worker label fresh gpu");
  }
  const node = await waitFor(
    async () => {
      const found = await findNode(lab.manager.docker, "fresh");
      return found.Status.State === "ready" ? found : null;
    },
    { what: "the worker Ready", deadline_ms: 30_000 },
  );
  const resources = (await lab.manager.docker.getNode(node.ID).inspect()).Description.Resources.GenericResources;
  expect(resources).toEqual([{ NamedResourceSpec: { Kind: "NVIDIA-GPU", Value: "GPU-a" } }]);
  const images = await machine.exec([`${machine.directory}/docker`, "images", "--format", "{{.Repository}}"]);
  for (const image of ["platform/stager", "platform/demo-job"]) expect(images.stdout).toContain(image);

  const other = await joining("--gpu", "GPU-b");
  expect([other.exitCode, other.stderr]).toEqual([1, expect.stringContaining("does not advertise the GPU GPU-b")]);
}, 180_000);

test("one of another Swarm is left as it is", async () => {
  const { exitCode, stderr } = await install("--manager", "192.0.2.1", "--token", token);
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringContaining("(state active) whose manager is not 192.0.2.1:2377"),
  ]);
  expect((await findNode(lab.manager.docker, "fresh")).Status.State).toBe("ready");
}, 60_000);
