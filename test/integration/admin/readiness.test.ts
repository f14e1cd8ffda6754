import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { createWeightsAnswers } from "#shared/database/tables/weights-answers.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { probeAll } from "../../../roles/admin/challenges/readiness.ts";
import { askChallenge } from "../../../roles/aggregator/ask-challenge.ts";
import { NothingToSealError } from "../../../roles/aggregator/nothing-to-seal.ts";
import { type EpochWorld, sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { createAggregatorWorld, masterKey, netuid, weightsOf } from "../../support/worlds/aggregator-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
let world: AdminTestWorld;
let health: () => Response;
let version: () => Response;
let weights: () => Response | Promise<Response>;
const http = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/internal/v1/get_weights") return weights();
    return pathname === "/health" ? health() : version();
  },
});
beforeAll(async () => {
  server = await startPostgres();
  world = await createAdminWorld(server);
  const body = {
    slug: "demo",
    name: "Demo",
    image: "x:1",
    version: "2.1",
    required_capabilities: ["get_weights", "x"],
  };
  await world.call("POST", "/v1/admin/challenges", { body });
  await world.call("POST", "/v1/admin/challenges/demo/activate");
});
afterAll(async () => {
  await http.stop(true);
  await world[Symbol.asyncDispose]();
  await server.stop();
});

const goodHealth = { status: "ok", slug: "demo", version: "9" };
const goodVersion = {
  api_version: "1.0",
  challenge_version: "2.1",
  sdk_version: "1",
  capabilities: ["x", "get_weights"],
};
const json =
  (value: unknown, status = 200) =>
  () =>
    Response.json(value, { status });

async function probe(h: () => Response, v: () => Response, base = `http://127.0.0.1:${http.port}`) {
  [health, version] = [h, v];
  const log = createLogger("test", "fatal");
  await probeAll({ sql: world.sql, netuid, clock: systemClock, log, fetch, baseUrl: () => base });
  return (await createChallenges(world.sql).bySlug("demo"))?.readiness;
}

test("a challenge that answers as it must is ready", async () => {
  expect(await probe(json(goodHealth), json(goodVersion))).toMatchObject({ ready: true, reason: null });
  expect(await probe(json({ status: "ok" }), json(goodVersion))).toMatchObject({ ready: true });
  expect((await world.call("GET", "/v1/admin/status")).json.challenges).toMatchObject({ active: 1, ready: 1 });
});

test.each<[string, () => Response, () => Response, string]>([
  ["degraded", json({ ...goodHealth, status: "degraded" }), json(goodVersion), "its health is not ok"],
  ["another's", json({ ...goodHealth, slug: "other" }), json(goodVersion), "it says it is another challenge"],
  ["an error", json({}, 500), json(goodVersion), "/health answered 500"],
  ["a redirect", () => Response.redirect("http://127.0.0.1:1/"), json(goodVersion), "/health answered 302"],
  ["no JSON", () => new Response("<html>"), json(goodVersion), "/health did not answer JSON"],
  ["null", json(null), json(goodVersion), "/health did not answer an object"],
  ["huge", () => new Response("x".repeat(70_000)), json(goodVersion), "/health answered too much"],
  [
    "of another API",
    json(goodHealth),
    json({ ...goodVersion, api_version: "2.0" }),
    "its api_version is 2.0, expected 1.0",
  ],
  [
    "of another version",
    json(goodHealth),
    json({ ...goodVersion, challenge_version: "<b>" }),
    "its challenge_version is ?b?, expected 2.1",
  ],
  ["without a capability", json(goodHealth), json({ ...goodVersion, capabilities: ["x"] }), "it lacks get_weights"],
  ["without capabilities", json(goodHealth), json({ ...goodVersion, capabilities: "all" }), "it lacks get_weights, x"],
])("one whose answer is %s is not", async (_, h, v, reason) => {
  expect(await probe(h, v)).toMatchObject({ ready: false, reason });
});

test("one that is not there is not", async () => {
  expect(await probe(json(goodHealth), json(goodVersion), "http://127.0.0.1:1")).toMatchObject({
    ready: false,
    reason: "it cannot be reached",
  });
});

describe("one whose weights the aggregator does not take", () => {
  const url = () => `http://127.0.0.1:${http.port}`;
  const ready = () => probe(json(goodHealth), json(goodVersion));
  const readAdmin = async (path: string) => (await world.call("GET", `/v1/admin/${path}`)).json;

  /** An epoch of the admin's own registry, sealed or not. */
  async function epoch(answer: typeof weights) {
    weights = answer;
    const leader = { guard: async () => undefined, fencing: 1 };
    await using aggregator = await createAggregatorWorld(server);
    const ask: EpochWorld["ask"] = (challenge) =>
      askChallenge(challenge, { masterKey, fetch, answer_ms: 400, baseUrl: url });
    await sealEpoch(aggregator.epochWorld(["owner", "hk1"], { sql: world.sql, ask }), leader).catch((error) => {
      if (!(error instanceof NothingToSealError)) throw error;
    });
  }
  const many = Object.fromEntries(Array.from({ length: limits.weights.hotkeys_max + 1 }, (_, i) => [`hk${i}`, 1]));
  const never = () => new Promise<Response>(() => undefined);

  test.each<[string, typeof weights, string]>([
    ["too many", () => weightsOf("demo", many), `weights has more than ${limits.weights.hotkeys_max} hotkeys`],
    ["late", never, "no answer within 400 ms"],
    ["an error", json({}, 500), "the challenge answered 500"],
  ])("because they are %s is not ready, and both the record and the status say why", async (_, answer, error) => {
    await epoch(answer);
    const reason = `its weights are not taken: ${error}`;
    expect(await ready()).toMatchObject({ ready: false, reason });
    expect((await readAdmin("challenges/demo")).readiness).toMatchObject({ ready: false, reason });
    expect(await readAdmin("status")).toMatchObject({
      challenges: { active: 1, ready: 0 },
      challenges_not_ready: [{ slug: "demo", reason }],
    });
  });

  test("is ready again once they are", async () => {
    await epoch(() => weightsOf("demo", { hk1: 1 }));
    expect(await ready()).toMatchObject({ ready: true, reason: null });
    expect((await readAdmin("status")).challenges_not_ready).toEqual([]);
  });

  test("is judged by them only as its record is now", async () => {
    await epoch(json({}, 500));
    await world.call("PATCH", "/v1/admin/challenges/demo", { body: { description: "mended" } });
    expect(await ready()).toMatchObject({ ready: true });
    await createWeightsAnswers(world.sql, netuid + 1).record(
      [{ slug: "demo", error: "of another subnet" }],
      new Date(),
    );
    expect(await ready()).toMatchObject({ ready: true });
  });
});
