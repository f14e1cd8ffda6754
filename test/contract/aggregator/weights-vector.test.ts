import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { PublicRegistry } from "#shared/schemas/public-registry.ts";
import { PublishedVector } from "#shared/schemas/weights.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { createAggregatorWorld, netuid, takeLead, weightsOf } from "../../support/worlds/aggregator-world.ts";
import { startPostgres } from "../../support/worlds/postgres.ts";

const stack = new AsyncDisposableStack();
let world: AdminTestWorld;
beforeAll(async () => {
  const server = stack.use(await startPostgres());
  const aggregator = stack.use(await createAggregatorWorld(server));
  world = stack.use(await createAdminWorld({ ...server, createDatabase: async () => aggregator.url }));
  await aggregator.addChallenge("works", 30, () => weightsOf("works", { hk1: 2, hk2: 1, gone: 3 }));
  await aggregator.addChallenge("fails", 20, () => new Response("", { status: 500 }));
  const lead = await takeLead(aggregator.url);
  await sealEpoch(aggregator.epochWorld(["owner", "hk1", "hk2"], { chainEndpoint: "" }), lead);
  await lead.release();
});
afterAll(() => stack.disposeAsync());

/** Python's datetime.fromisoformat of 3.11 and later takes it, with its zone. */
const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

test("the vector has every member that the first generation's clients read, in its type", async () => {
  const { json } = await world.read("/v1/weights/latest");
  expect(Value.Check(PublishedVector, json)).toBe(true);
  expect(json.netuid).toBe(netuid);
  expect(json.chain_endpoint).toBe("");
  expect(json.uids).toHaveLength(json.weights.length);
  expect(json.uids.every(Number.isInteger)).toBe(true);
  expect(json.weights.reduce((total: number, weight: number) => total + weight, 0)).toBeCloseTo(1, 12);
  for (const time of ["computed_at", "expires_at", "metagraph_updated_at"]) expect(json[time]).toMatch(zoned);
  expect(Date.parse(json.expires_at)).toBeGreaterThan(Date.now());
  for (const source of json.source_challenges) {
    expect(source).toMatchObject({
      slug: expect.any(String),
      emission_percent: expect.any(Number),
      ok: expect.any(Boolean),
    });
    expect(source.error === null || typeof source.error === "string").toBe(true);
    expect(Object.values(source.weights).every((weight) => typeof weight === "number")).toBe(true);
  }
  expect(json.source_challenges.map(({ slug, ok }: { slug: string; ok: boolean }) => [slug, ok])).toEqual([
    ["fails", false],
    ["works", true],
  ]);
});

test("the shares are exact: 30 % split 2 to 1 to 3 unknown, the rest burnt", async () => {
  const { json } = await world.read("/v1/weights/latest");
  expect(json.uids).toEqual([0, 1, 2]);
  for (const [index, expected] of [0.85, 0.1, 0.05].entries()) expect(json.weights[index]).toBeCloseTo(expected, 12);
});

test("the registry has every member that the first generation's clients require", async () => {
  const { json } = await world.read("/v1/registry");
  expect(Value.Check(PublicRegistry, json)).toBe(true);
  for (const challenge of json.challenges) {
    expect(challenge).toMatchObject({ internal_base_url: "", resources: {}, volumes: {}, env: {}, secrets: [] });
    expect(typeof challenge.version).toBe("string");
  }
});

test("refusals are problem details whose detail is a string", async () => {
  const { json, headers } = await world.read("/v1/nothing");
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(Object.keys(json).sort()).toEqual(["code", "detail", "instance", "status", "title", "type"]);
  expect(json.instance).toBe(headers.get("x-request-id"));
});
