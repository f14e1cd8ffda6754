import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { FakeJobBroker } from "../../support/fakes/fake-job-broker.ts";
import {
  ChallengeProcess,
  minerHotkey,
  programArchive,
  sampleArchive,
} from "../../support/worlds/challenge-process.ts";

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

const scoreOf = async (archive: Uint8Array, headers: Record<string, string> = {}) =>
  await challenge.ended((await challenge.submit(archive, headers)).id);
const as = (hotkey: string) => ({ "x-platform-verified-hotkey": hotkey });

describe("the demonstration challenge", () => {
  test("scores each sample as told by hand, and weighs every hotkey by its best", async () => {
    const [a, b, c, d] = ["5A", "5B", "5C", "5D"];
    expect((await scoreOf(sampleArchive("exact"), as(a as string))).score).toBe(1);
    expect((await scoreOf(sampleArchive("even-only"), as(b as string))).score).toBe(0.5);
    expect((await scoreOf(sampleArchive("multiples-of-four"), as(c as string))).score).toBe(0.25);
    expect((await scoreOf(sampleArchive("constant"), as(d as string))).score).toBe(0);
    await scoreOf(sampleArchive("constant"), as(b as string));
    expect(await challenge.weights()).toEqual({ "5A": 1, "5B": 0.5, "5C": 0.25 });
    const { body } = await challenge.get<{ items: { rank: number; hotkey: string; score: number }[] }>(
      "/v1/leaderboard",
    );
    expect(body.items.map(({ rank, hotkey, score }) => [rank, hotkey, score])).toEqual([
      [1, "5A", 1],
      [2, "5B", 0.5],
      [3, "5C", 0.25],
      [4, "5D", 0],
    ]);
  });

  test("gives a job the program and the numbers, read-only, and never an answer", async () => {
    const { id, details, job } = await scoreOf(sampleArchive("exact"));
    const { spec, key } = broker.onlyJob();
    expect(key).toBe(`${id}-1`);
    expect(spec.mounts.map(({ target, read_only }) => [target, read_only])).toEqual([
      ["/submission", true],
      ["/inputs", true],
      ["/output", false],
    ]);
    expect(details).toEqual({ answered: 200, right: 200, cases: 200, node_class: "cpu", gpu: null });
    expect(job).toMatchObject({ state: "succeeded", node_class: "cpu" });
    const { body } = await challenge.get<{ cases: number[] }>("/v1/task");
    const inputs = Buffer.from(broker.blobs.get(spec.mounts[1]?.blob ?? "") ?? "").subarray(512);
    expect(inputs.toString().replaceAll("\0", "")).toBe(body.cases.map((n) => `${n}\n`).join(""));
  });

  test("fails a program that ends with an error, once and for all", async () => {
    const ended = await scoreOf(programArchive("BEGIN { exit 3 }"));
    expect(ended).toMatchObject({ status: "failed", attempts: 1, failure: { fault: "submission" } });
    expect(ended.failure?.detail).toBe("the job ended as failed with exit code 3");
    expect(await challenge.weights()).toEqual({});
  });

  const link = { name: "predictions.txt", type: "2", link: "/data/challenge.sqlite3" };
  const hostile: readonly [string, Uint8Array, string][] = [
    ["a link where the predictions should be", tarOf([link]), "output_refused"],
    ["a name that climbs", tarOf([{ name: "../../data/x", content: Buffer.from("x") }]), "output_refused"],
    ["bytes that are no archive", Buffer.from("not a tar at all".repeat(64)), "output_refused"],
    [
      "predictions without an end",
      tarOf([{ name: "predictions.txt", content: Buffer.alloc(70_000, "1") }]),
      "output_too_large",
    ],
    ["nothing", tarOf([]), "no_predictions"],
  ];
  test.each(hostile)("blames the miner for leaving %s", async (_, artifact, code) => {
    broker.artifact = artifact;
    const ended = await scoreOf(sampleArchive("exact"));
    expect(ended).toMatchObject({ status: "failed", failure: { fault: "submission", code } });
    expect(broker.jobs.size).toBe(1);
  });

  test("reads predictions line by line: what is no number is wrong, what is beyond the last case is nothing", async () => {
    const noisy = programArchive('{ print NR == 1 ? "0x10" : "-5" } END { for (i = 0; i < 50; i++) print 7 }');
    expect(await scoreOf(noisy)).toMatchObject({ status: "scored", score: 0 });
  });
});

describe("an artifact", () => {
  test("that breaks off is read again, and the miner is not blamed", async () => {
    broker.artifact_cuts = 2;
    expect(await scoreOf(sampleArchive("exact"))).toMatchObject({ status: "scored", score: 1, attempts: 1 });
    expect(broker.askedArtifacts.length).toBe(3);
  });

  test("that is gone means another attempt", async () => {
    broker.ends.push({ state: "succeeded" });
    expect(await scoreOf(sampleArchive("exact"))).toMatchObject({ status: "scored", score: 1, attempts: 2 });
  }, 20_000);
});

describe("a job that ends badly", () => {
  const badly = { state: "failed", fault: "platform", reason: { code: 3001, name: "node_lost", detail: "" } } as const;

  test("by the platform's fault is asked for again under another key", async () => {
    broker.ends.push(badly);
    const ended = await scoreOf(sampleArchive("exact"));
    expect(ended).toMatchObject({ status: "scored", score: 1, attempts: 2 });
    expect(broker.askedKeys).toEqual([`${ended.id}-1`, `${ended.id}-2`]);
  }, 20_000);

  test("by the miner's fault is the end, with the broker's code", async () => {
    broker.ends.push({ state: "timed_out", fault: "submission", reason: { code: 1003, name: "timeout", detail: "" } });
    const ended = await scoreOf(sampleArchive("exact"));
    expect(ended).toMatchObject({ status: "failed", attempts: 1, failure: { fault: "submission", code: "timeout" } });
    expect(broker.jobs.size).toBe(1);
  });

  test("outlives a broker that is away, overloaded or being given another token", async () => {
    broker.refusals.push({ status: 503 }, { status: 401 }, { status: 429, retry_after: "1" }, { status: 502 });
    expect(await scoreOf(sampleArchive("exact"))).toMatchObject({ status: "scored", attempts: 1, hotkey: minerHotkey });
  });
});
