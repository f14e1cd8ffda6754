import { afterAll, beforeAll, expect, test } from "bun:test";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { loadMetagraph } from "#shared/database/tables/metagraph.ts";
import { systemClock } from "#shared/time/clock.ts";
import { publicKeyOf, verifySeal } from "#shared/weights/seal.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { waitFor } from "../../support/wait-for.ts";
import { createAggregatorWorld, netuid, takeLead, weightsOf } from "../../support/worlds/aggregator-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const hotkeys = ["owner", "hk1", "hk2", "hk3"];
const answered = { ok: true, error: null, stale_from_epoch: null };

function closeTo(actual: readonly number[], expected: readonly number[]) {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(actual[index]).toBeCloseTo(value, 12);
}

test("an epoch seals the exact vector of what the challenges answered", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 40, () => weightsOf("a", { hk1: 1, missing: 3 }));
  await world.addChallenge("b", 60, () => weightsOf("b", { hk2: 2 }));
  const given = world.epochWorld(hotkeys);
  const leader = await takeLead(world.url);
  const vector = await sealEpoch(given, leader);
  await leader.release();

  expect(vector.epoch).toBe(1);
  expect(vector.uids).toEqual([0, 1, 2]);
  closeTo(vector.weights, [0.3, 0.1, 0.6]);
  expect(verifySeal(vector, publicKeyOf(given.signingKey))).toBeNull();
  expect(Date.parse(vector.expires_at) - Date.parse(vector.computed_at)).toBe(60_000);
  expect(await createEpochs(world.sql, netuid).latest()).toEqual(vector);
  expect(vector.source_challenges).toEqual([
    { ...answered, slug: "a", emission_percent: 40, weights: { hk1: 1 }, unknown_hotkeys: 1, unknown_weight: 3 },
    { ...answered, slug: "b", emission_percent: 60, weights: { hk2: 2 }, unknown_hotkeys: 0, unknown_weight: 0 },
  ] as never);
  const stored = await loadMetagraph(world.sql, netuid);
  expect([...(stored?.uid_by_hotkey ?? [])]).toEqual(hotkeys.map((hotkey, uid) => [hotkey, uid]));
});

test("a challenge that hangs, lies or is gone costs nobody else anything", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("good", 50, () => weightsOf("good", { hk1: 1 }));
  await world.addChallenge("hangs", 20, () => new Promise<Response>(() => undefined));
  await world.addChallenge("lies", 20, () => weightsOf("other", { hk3: 1 }));
  await world.addChallenge("gone", 10, () => new Response("no", { status: 503 }));
  const leader = await takeLead(world.url);
  const started = performance.now();
  const vector = await sealEpoch(world.epochWorld(hotkeys), leader);
  await leader.release();

  expect(performance.now() - started).toBeLessThan(3_000);
  expect(vector.uids).toEqual([0, 1]);
  closeTo(vector.weights, [0.5, 0.5]);
  expect(vector.source_challenges.map(({ slug, ok, error }) => [slug, ok, error])).toEqual([
    ["gone", false, "the challenge answered 503"],
    ["good", true, null],
    ["hangs", false, "no answer within 400 ms"],
    ["lies", false, "challenge_slug is not the challenge's slug"],
  ] as never);
});

test("a challenge that fails keeps its last good weights for a bounded number of epochs", async () => {
  await using world = await createAggregatorWorld(server);
  let works = true;
  await world.addChallenge("a", 100, () => (works ? weightsOf("a", { hk1: 1 }) : new Response("", { status: 500 })));
  const given = world.epochWorld(hotkeys, { stale_epochs: 2 });
  const leader = await takeLead(world.url);
  await sealEpoch(given, leader);
  works = false;
  const seen = [];
  for (let epoch = 2; epoch <= 4; epoch += 1) {
    const { uids, source_challenges } = await sealEpoch(given, leader);
    seen.push([uids, source_challenges[0]?.stale_from_epoch, source_challenges[0]?.ok]);
  }
  await leader.release();
  expect(seen).toEqual([
    [[1], 1, false],
    [[1], 1, false],
    [[0], null, false],
  ]);
});

test("a former leader cannot write, whatever it still has under way", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 100, () => weightsOf("a", { hk1: 1 }));
  const given = world.epochWorld(hotkeys);
  const former = await takeLead(world.url);
  await sealEpoch(given, former);
  await former.release();
  const present = await takeLead(world.url);
  expect(present.fencing).toBe(former.fencing + 1);
  await expect(sealEpoch(given, former)).rejects.toThrow("a later leader has written");
  expect((await sealEpoch(given, present)).epoch).toBe(2);
  await present.release();
});

test("one leads at a time; the next takes over when the leader's connection ends", async () => {
  await using world = await createAggregatorWorld(server);
  const leader = await takeLead(world.url);
  let second: Awaited<ReturnType<typeof takeLead>> | undefined;
  const waiting = takeLead(world.url, netuid, { ...systemClock, sleep: (_, s) => systemClock.sleep(20, s) });
  waiting.then((taken) => {
    second = taken;
  });
  await leader.confirm();
  await Bun.sleep(100);
  expect(second).toBeUndefined();
  await world.sql`
    select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = ${netuid} and granted`;
  await waitFor(() => second, { what: "the take-over" });
  await expect(leader.confirm()).rejects.toThrow("the lock's connection");
  await Promise.all([leader.release(), second?.release()]);
});

test("when the chain does not answer, the metagraph stored last is used; without any nothing is sealed", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 100, () => weightsOf("a", { hk1: 1 }));
  const silent = { readMetagraph: () => Promise.reject(new Error("no chain endpoint answered")) };
  const leader = await takeLead(world.url);
  const without = world.epochWorld(hotkeys, { chain: silent });
  await expect(sealEpoch(without, leader)).rejects.toThrow("no metagraph of subnet 7 was ever read");
  expect(await createEpochs(world.sql, netuid).latest()).toBeNull();

  await sealEpoch(world.epochWorld(hotkeys), leader);
  expect((await sealEpoch(without, leader)).uids).toEqual([1]);
  expect(world.warnings).toContain("the metagraph cannot be read from the chain; the stored one is used");

  await world.sql`update metagraph set updated_at = now() - interval '2 days'`;
  await expect(sealEpoch(without, leader)).rejects.toThrow("too old");
  await leader.release();
});

test("old epochs go, with their inputs", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 100, () => weightsOf("a", { hk1: 1 }));
  const leader = await takeLead(world.url);
  for (let epoch = 1; epoch <= 4; epoch += 1) await sealEpoch(world.epochWorld(hotkeys, { epochs_kept: 2 }), leader);
  await leader.release();
  const epochs = createEpochs(world.sql, netuid);
  expect((await epochs.list(10)).map(({ epoch }) => epoch)).toEqual([4, 3]);
  expect((await world.sql`select distinct epoch::int from epoch_inputs order by 1`).map((row) => row["epoch"])).toEqual(
    [3, 4],
  );
});

test("hotkeys that a challenge makes up do not make the published vector larger", async () => {
  await using world = await createAggregatorWorld(server);
  const madeUp = Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`made-up-${i}`.padEnd(60, "x"), 1e308]));
  await world.addChallenge("a", 100, () => weightsOf("a", { ...madeUp, hk1: 1e308 }));
  const leader = await takeLead(world.url);
  const vector = await sealEpoch(world.epochWorld(hotkeys), leader);
  await leader.release();
  expect(JSON.stringify(vector).length).toBeLessThan(2_000);
  expect(vector.source_challenges[0]).toMatchObject({ unknown_hotkeys: 4_000, unknown_weight: Number.MAX_VALUE });
  closeTo(vector.weights, [4_000 / 4_001, 1 / 4_001]);
  const [input] = await createEpochs(world.sql, netuid).inputsOf(1);
  expect(Object.keys(input?.weights ?? {})).toHaveLength(4_001);
});
