import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FakeJobBroker } from "../../support/fakes/fake-job-broker.ts";
import { ChallengeProcess, programArchive } from "../../support/worlds/challenge-process.ts";

const program = join(import.meta.dir, "../../support/programs/dice-challenge.ts");
const guide = join(import.meta.dir, "../../../roles/challenge/README.md");
const broker = new FakeJobBroker();
const settings = { DICE_IMAGE: "example/dice:1", DEMO_JOB_IMAGE: null };
const challenge = new ChallengeProcess(broker, settings, [process.execPath, program]);
beforeAll(async () => await challenge.start());
afterAll(async () => {
  await challenge.kill();
  await broker.stop();
});

const roll = async (script: string) => (await challenge.submit(programArchive(script, "roll.sh"))).id;

test("the guide's challenge scores, blames the miner, and answers weights", async () => {
  expect(await challenge.ended(await roll("echo 3"))).toMatchObject({
    status: "scored",
    score: 0.5,
    details: { eyes: 3 },
  });
  expect(await challenge.ended(await roll("echo 7"))).toMatchObject({ status: "failed", failure: { code: "no_die" } });
  expect(Object.values(await challenge.weights())).toEqual([0.5]);
  expect((await challenge.post(Buffer.alloc(100_001))).status).toBe(413);
});

test("the guide shows the program that this test runs", () => {
  const shown = /```ts\n([^`]+)```/.exec(readFileSync(guide, "utf8"))?.[1] ?? "";
  const code = readFileSync(program, "utf8")
    .split("\n")
    .slice(1)
    .join("\n")
    .replace("../../../roles/challenge/sdk.ts", "platform/roles/challenge/sdk.ts");
  expect(shown).toBe(code);
});
