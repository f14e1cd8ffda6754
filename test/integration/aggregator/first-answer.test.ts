import { afterAll, beforeAll, expect, test } from "bun:test";
import { migrations } from "#shared/database/migrations.ts";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import {
  type AggregatorWorld,
  createAggregatorWorld,
  netuid,
  weightsOf,
} from "../../support/worlds/aggregator-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const lead = { guard: async () => undefined, fencing: 1 };
const seal = (world: AggregatorWorld) => sealEpoch(world.epochWorld(["owner", "hk1"]), lead);
const setStatus = (world: AggregatorWorld, status: string) => world.sql`update challenges set status = ${status}`;

test("a registry whose challenges never answered is not sealed, whether one is active or none", async () => {
  await using world = await createAggregatorWorld(server);
  await expect(seal(world)).rejects.toThrow("and none is active");
  await world.addChallenge("a", 100, () => new Response("", { status: 500 }));
  await setStatus(world, "draft");
  await expect(seal(world)).rejects.toThrow("and none is active");
  await setStatus(world, "active");
  await expect(seal(world)).rejects.toThrow("those that are active do not (a: the challenge answered 500)");
  expect(await createEpochs(world.sql, netuid).latest()).toBeNull();
});

test("an answer without a weight is one: then nobody has earned anything, and that is sealed", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 100, () => weightsOf("a", {}));
  expect(await seal(world)).toMatchObject({ epoch: 1, uids: [0], weights: [1] });
});

test("challenges that all fail, are deactivated or deleted after they answered leave the share to the policy", async () => {
  await using world = await createAggregatorWorld(server);
  let works = true;
  await world.addChallenge("a", 100, () => (works ? weightsOf("a", { hk1: 1 }) : new Response("", { status: 500 })));
  expect((await seal(world)).uids).toEqual([1]);
  works = false;
  expect((await seal(world)).source_challenges).toMatchObject([{ ok: false, stale_from_epoch: 1 }]);
  await setStatus(world, "inactive");
  expect(await seal(world)).toMatchObject({ epoch: 3, uids: [0], weights: [1], source_challenges: [] });
  await world.sql`delete from challenges`;
  // Also when nothing of them is kept any more.
  await world.sql`delete from epochs`;
  expect(await seal(world)).toMatchObject({ uids: [0], weights: [1] });
});

test("what one subnet's challenges answered says nothing of another subnet in the same database", async () => {
  await using world = await createAggregatorWorld(server);
  let works = true;
  await world.addChallenge("a", 100, () => (works ? weightsOf("a", { hk1: 1 }) : new Response("", { status: 500 })));
  await seal(world);
  works = false;
  const other = world.epochWorld(["owner", "hk1"], { netuid: netuid + 1 });
  await expect(sealEpoch(other, lead)).rejects.toThrow("no challenge has ever answered");
});

test("a platform that sealed answers before it wrote them down goes on", async () => {
  await using world = await createAggregatorWorld(server);
  await world.addChallenge("a", 100, () => weightsOf("a", { hk1: 1 }));
  await seal(world);
  await world.sql`drop table weights_answers`;
  await world.sql.unsafe(migrations.find(({ name }) => name === "weights-answers")?.sql ?? "");
  await setStatus(world, "inactive");
  expect(await seal(world)).toMatchObject({ epoch: 2, uids: [0] });
});
