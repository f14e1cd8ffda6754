import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { verifySeal } from "#shared/weights/seal.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { createAdminWorld } from "../../support/worlds/admin-world.ts";
import { chainOf, createAggregatorWorld, netuid, takeLead, weightsOf } from "../../support/worlds/aggregator-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describe("the weights", () => {
  test("are 503 before the first seal, the sealed vector after it, and 503 past its end", async () => {
    let skew_ms = 0;
    let read_ms = 0;
    const clock = { ...systemClock, now: () => Date.now() + skew_ms, monotonic: () => performance.now() + read_ms };
    await using aggregator = await createAggregatorWorld(server);
    // Both look at one database: the admin world is opened on the aggregator's.
    await using world = await createAdminWorld({ ...server, createDatabase: async () => aggregator.url }, clock);
    const before = await world.read("/v1/weights/latest");
    expect([before.status, before.json.code]).toEqual([503, "weights_unavailable"]);

    await aggregator.addChallenge("a", 100, () => weightsOf("a", { hk1: 3, hk2: 1 }));
    const leader = await takeLead(aggregator.url);
    const sealed = await sealEpoch(aggregator.epochWorld(["owner", "hk1", "hk2"]), leader);
    read_ms += 10_000;
    const served = await world.read("/v1/weights/latest");
    expect(served.status).toBe(200);
    expect(served.json).toEqual(sealed);
    expect(verifySeal(served.json)).toBeNull();
    expect(served.json).toMatchObject({
      netuid,
      chain_endpoint: "ws://chain",
      uids: [1, 2],
      weights: [0.75, 0.25],
      hotkey_weights: { hk1: 0.75, hk2: 0.25 },
    });

    const etag = served.headers.get("etag") ?? "";
    expect(etag).toBe(`"${sealed.digest}"`);
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const same = await world.read("/v1/weights/latest", { "if-none-match": held });
      expect([same.status, same.text]).toEqual([304, ""]);
    }
    expect((await world.read("/v1/weights/latest", { "if-none-match": '"other"' })).status).toBe(200);

    await sealEpoch(aggregator.epochWorld(["owner", "hk1"], { chain: chainOf(["owner", "hk1"], 101) }), leader);
    await leader.release();
    read_ms += 10_000;
    const next = await world.read("/v1/weights/latest", { "if-none-match": etag });
    expect([next.status, next.json.epoch, next.json.metagraph_block]).toEqual([200, 2, 101]);

    skew_ms = 61_000;
    const late = await world.read("/v1/weights/latest", { "if-none-match": next.headers.get("etag") ?? "" });
    expect([late.status, late.json.code]).toEqual([503, "weights_stale"]);

    const epochs = await world.call("GET", "/v1/admin/epochs");
    expect(epochs.json.items.map(({ epoch }: { epoch: number }) => epoch)).toEqual([2, 1]);
    const detail = await world.call("GET", "/v1/admin/epochs/1");
    expect(detail.json.vector).toEqual(sealed);
    expect(detail.json.inputs[0]).toMatchObject({ slug: "a", ok: true, challenge_epoch: 3 });
  });
});

describe("the registry", () => {
  test("shows what is not a draft, and nothing of the inside", async () => {
    await using world = await createAdminWorld(server);
    const record = {
      slug: "shown",
      name: "Shown <&> \u0007",
      image: "registry/x:1",
      version: "1.2",
      emission_percent: 40,
      env: { PASSWORD: "hunter2" },
      secrets: ["api_key"],
      internal_port: 9123,
      metadata: { tagline: "Fast", difficulty: 3 },
      required_capabilities: ["get_weights"],
    };
    await world.call("POST", "/v1/admin/challenges", { body: record });
    await world.call("POST", "/v1/admin/challenges", { body: { ...record, slug: "hidden" } });
    await world.call("POST", "/v1/admin/challenges/shown/activate");
    const { status, json, text } = await world.read("/v1/registry");
    expect(status).toBe(200);
    expect(json).toEqual({
      network: "platform",
      api_version: "1.0",
      master_uid: 0,
      challenges: [
        {
          slug: "shown",
          name: record.name,
          image: "registry/x:1",
          version: "1.2",
          emission_percent: 40,
          status: "active",
          description: "",
          metadata: { tagline: "Fast", difficulty: 3 },
          public_proxy_base_path: "/challenges/shown",
          required_capabilities: ["get_weights"],
          internal_base_url: "",
          resources: {},
          volumes: {},
          env: {},
          secrets: [],
        },
      ],
    });
    for (const inside of ["hunter2", "api_key", "9123", "hidden"]) expect(text).not.toContain(inside);

    const svg = await world.read("/v1/challenges/dashboard.svg");
    expect(svg.headers.get("content-type")).toStartWith("image/svg+xml");
    expect(svg.headers.get("cache-control")).toBe("no-store");
    expect(svg.text).toContain("Shown &lt;&amp;&gt; \ufffd");
    expect(svg.text).not.toContain("hidden");
  });
});

test("the public socket offers the three reads, nothing else", async () => {
  await using world = await createAdminWorld(server);
  for (const path of [
    "/",
    "/docs",
    "/openapi.json",
    "/v1/admin/status",
    "/v1/admin/challenges",
    "/v1/weights",
    "/metrics",
  ]) {
    const { status } = await world.read(path, {
      authorization: `Bearer ${await world.mint(`t-${crypto.randomUUID()}`, "admin")}`,
    });
    expect(status).toBe(404);
  }
  for (const method of ["POST", "PUT", "DELETE"]) {
    expect((await world.read("/v1/registry", {}, method)).status).toBe(404);
  }
});
