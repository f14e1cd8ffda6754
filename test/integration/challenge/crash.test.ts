import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { FakeJobBroker } from "../../support/fakes/fake-job-broker.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ChallengeProcess, sampleArchive } from "../../support/worlds/challenge-process.ts";

let broker: FakeJobBroker;
let challenge: ChallengeProcess;
beforeEach(async () => {
  broker = new FakeJobBroker();
  challenge = new ChallengeProcess(broker);
  await challenge.start();
});
afterEach(async () => {
  await challenge.kill();
  await broker.stop();
});

const exact = sampleArchive("exact");

describe("a challenge killed with SIGKILL", () => {
  test("right after it acknowledged an upload still has it", async () => {
    broker.refusals.push(...Array.from({ length: 100 }, () => ({ status: 503 })));
    const { id } = await challenge.submit(exact);
    await challenge.kill();
    broker.refusals.length = 0;
    await challenge.start();
    expect(await challenge.ended(id)).toMatchObject({ status: "scored", score: 1, attempts: 1 });
  });

  test("before it learned that its job was accepted asks under the same key and gets the same job", async () => {
    const gate = Promise.withResolvers<void>();
    broker.acceptGate = gate.promise;
    const { id } = await challenge.submit(exact);
    await waitFor(() => broker.askedKeys.length === 1);
    await challenge.kill();
    gate.resolve();
    await challenge.start();
    expect(await challenge.ended(id)).toMatchObject({ status: "scored", attempts: 1 });
    expect(broker.askedKeys).toEqual([`${id}-1`, `${id}-1`]);
    expect(broker.jobs.size).toBe(1);
  });

  test("while its job runs finds the result that came meanwhile", async () => {
    broker.isRunningJobs = false;
    const { id } = await challenge.submit(exact);
    await waitFor(async () => (await challenge.submission(id)).status === "evaluating");
    await challenge.kill();
    await broker.finish(broker.onlyJob());
    await challenge.start();
    expect(await challenge.ended(id)).toMatchObject({ status: "scored", score: 1, attempts: 1 });
    expect(broker.askedKeys.length).toBe(1);
  });

  test("while it reads the artifact reads it again", async () => {
    const gate = Promise.withResolvers<void>();
    broker.artifactGate = gate.promise;
    const { id } = await challenge.submit(exact);
    await waitFor(() => broker.askedArtifacts.length === 1);
    await challenge.kill();
    gate.resolve();
    await challenge.start();
    expect(await challenge.ended(id)).toMatchObject({ status: "scored", score: 1 });
    expect(broker.jobs.size).toBe(1);
  });

  test("at any moment, again and again, scores every submission with one job", async () => {
    const ids: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      ids.push((await challenge.submit(sampleArchive(round % 2 ? "exact" : "even-only"))).id);
      // The moment moves through the evaluation, which takes some 30 ms.
      await Bun.sleep(4 * round);
      await challenge.kill();
      await challenge.start();
    }
    const ends = await Promise.all(ids.map((id) => challenge.ended(id)));
    expect(ends.map(({ score }) => score)).toEqual(ids.map((_, round) => (round % 2 ? 1 : 0.5)));
    expect([...broker.jobs.values()].map(({ key }) => key).sort()).toEqual(ids.map((id) => `${id}-1`).sort());
  }, 60_000);
});

describe("a challenge asked to stop", () => {
  test("ends at once though a job runs, and goes on when it is started again", async () => {
    broker.isRunningJobs = false;
    const { id } = await challenge.submit(exact);
    await waitFor(async () => (await challenge.submission(id)).status === "evaluating");
    const begin = performance.now();
    expect(await challenge.stop()).toBe(0);
    expect(performance.now() - begin).toBeLessThan(4_000);
    expect(broker.cancelled).toEqual([]);
    await challenge.start();
    await broker.finish(broker.onlyJob());
    expect(await challenge.ended(id)).toMatchObject({ status: "scored", attempts: 1 });
  });
});
