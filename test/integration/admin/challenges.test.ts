import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
let world: AdminTestWorld;
beforeAll(async () => {
  server = await startPostgres();
  world = await createAdminWorld(server);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await server.stop();
});

const base = "/v1/admin/challenges";
const record = (slug: string, more: object = {}) => ({ slug, name: slug, image: "registry/x:1", ...more });
const create = (slug: string, more: object = {}) => world.call("POST", base, { body: record(slug, more) });

describe("the life of a challenge", () => {
  test("a draft has the defaults, becomes active, and is deleted only when it is not", async () => {
    const created = await create("life", { emission_percent: 12.5 });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`${base}/life`);
    expect(created.json).toMatchObject({
      slug: "life",
      status: "draft",
      token_generation: 1,
      readiness: null,
      spec: { emission_percent: 12.5, internal_port: 8000, version: null, api_version: "1.0", env: {}, secrets: [] },
    });
    expect((await world.call("POST", `${base}/life/activate`)).json.status).toBe("active");
    expect((await world.call("DELETE", `${base}/life`)).json.code).toBe("challenge_active");
    expect((await world.call("POST", `${base}/life/deactivate`)).json.status).toBe("inactive");
    expect((await world.call("DELETE", `${base}/life`)).status).toBe(204);
    expect((await world.call("GET", `${base}/life`)).json.code).toBe("challenge_not_found");
  });

  test("a merge patch changes what it names, and null gives the default back", async () => {
    await create("patched", { version: "2.0", env: { A: "1", B: "2" }, jobs: { running_max: 3 } });
    const body = { version: null, env: { B: null, C: "3" }, jobs: { gpu_count_max: 2 } };
    const { json } = await world.call("PATCH", `${base}/patched`, { body });
    expect(json.spec).toMatchObject({
      name: "patched",
      version: null,
      env: { A: "1", C: "3" },
      jobs: { running_max: 3, gpu_count_max: 2, queueing: true },
    });
    expect(json.spec.env.B).toBeUndefined();
  });

  test("replacing forgets what is not said again", async () => {
    await create("replaced", { description: "old" });
    const { json } = await world.call("PUT", `${base}/replaced`, { body: record("replaced", { name: "New" }) });
    expect(json.spec).toMatchObject({ name: "New", description: "" });
  });

  test("rotating needs the former rotation delivered; without a service there is nothing to wait for", async () => {
    await create("rotated");
    expect((await world.call("POST", `${base}/rotated/rotate-tokens`)).json).toMatchObject({
      token_generation: 2,
      token_rotating: false,
    });
    await world.call("POST", `${base}/rotated/activate`);
    expect((await world.call("POST", `${base}/rotated/rotate-tokens`)).json).toMatchObject({
      token_generation: 3,
      token_rotating: true,
    });
    const again = await world.call("POST", `${base}/rotated/rotate-tokens`);
    expect([again.status, again.json.code]).toEqual([409, "rotation_under_way"]);
  });

  test("activating twice is one act", async () => {
    await create("once");
    await world.call("POST", `${base}/once/activate`);
    await world.call("POST", `${base}/once/activate`);
    const [row] =
      await world.sql`select count(*)::int as n from audit_log where subject = 'once' and action = 'challenge.activate'`;
    expect(row?.["n"]).toBe(1);
  });

  test("of many that create the same slug at once one succeeds", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create("race")));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  test("the list is read page by page", async () => {
    const other = await createAdminWorld(server);
    for (const slug of ["c", "a", "b"]) await other.call("POST", base, { body: record(slug) });
    const first = await other.call("GET", `${base}?limit=2`);
    expect(first.json.items.map(({ slug }: { slug: string }) => slug)).toEqual(["a", "b"]);
    const second = await other.call("GET", `${base}?limit=2&cursor=${first.json.next_cursor}`);
    expect([second.json.items.length, second.json.next_cursor]).toEqual([1, null]);
    await other[Symbol.asyncDispose]();
  });
});

const reservedNetworks = [
  "host",
  "bridge",
  "none",
  "default",
  "ingress",
  "docker_gwbridge",
  "container:x",
  "",
  "platform_control",
  "platform_transfer",
  "platform_challenge_other",
  "platform-job-1",
];

test("a network that no job may join is refused with a sentence, on every way into the record", async () => {
  await world.call("POST", base, { body: record("grants", { jobs: { networks: ["mirror.1"] } }) });
  const jobs = { networks: ["mirror", "platform_control"] };
  for (const [method, body] of [
    ["PATCH", { jobs }],
    ["PUT", record("grants", { jobs })],
  ] as const) {
    const { status, json } = await world.call(method, `${base}/grants`, { body });
    expect([status, json.code]).toEqual([422, "invalid_request"]);
    expect(json.detail).toStartWith(
      "body field jobs.networks.1: expected the name of a network of the operator's own, neither the engine's (host,",
    );
  }
  expect((await world.call("GET", `${base}/grants`)).json.spec.jobs.networks).toEqual(["mirror.1"]);
});

test("a record that grants a network of the platform's from before can be read, changed, and grants it no more", async () => {
  await world.call("POST", base, { body: record("old", { jobs: { networks: ["mirror"] } }) });
  await world.sql`update challenges set spec = jsonb_set(spec, '{jobs,networks}', '["host", "mirror", "platform_control"]')
    where slug = 'old'`;
  expect((await world.call("GET", `${base}/old`)).json.spec.jobs.networks).toEqual(["mirror"]);
  expect((await world.call("PATCH", `${base}/old`, { body: { description: "x" } })).status).toBe(200);
});

describe("bad input", () => {
  const long = (n: number) => "x".repeat(n);
  test.each<[string, unknown, number, string]>([
    ["no JSON", "{", 400, "malformed_body"],
    ["an empty object", {}, 422, "invalid_request"],
    ["a list", [], 422, "invalid_request"],
    ["null", "null", 422, "invalid_request"],
    ["a slug in upper case", record("Bad"), 422, "invalid_request"],
    ["a slug with a slash", record("a/b"), 422, "invalid_request"],
    ["a slug of 41 characters", record(long(41)), 422, "invalid_request"],
    ["an unknown member", record("bad", { extra: 1 }), 422, "invalid_request"],
    ["an unknown member inside", record("bad", { jobs: { extra: 1 } }), 422, "invalid_request"],
    ["an emission over 100", record("bad", { emission_percent: 100.1 }), 422, "invalid_request"],
    ["a negative emission", record("bad", { emission_percent: -1 }), 422, "invalid_request"],
    ["an emission that is text", record("bad", { emission_percent: "10" }), 422, "invalid_request"],
    ["port 0", record("bad", { internal_port: 0 }), 422, "invalid_request"],
    ...reservedNetworks.map((name): [string, unknown, number, string] => [
      `the network ${name} for its jobs`,
      record("bad", { jobs: { networks: ["mirror", name] } }),
      422,
      "invalid_request",
    ]),
    ["an empty name", record("bad", { name: "" }), 422, "invalid_request"],
    ["a name with NUL", record("bad", { name: "a\0b" }), 422, "invalid_request"],
    ["half a surrogate pair", '{"slug":"bad","name":"\\ud800","image":"x:1"}', 422, "invalid_request"],
    ["an environment name with a dash", record("bad", { env: { "A-B": "1" } }), 422, "invalid_request"],
    ["an environment value that is no text", record("bad", { env: { A: 1 } }), 422, "invalid_request"],
    [
      "too many secrets",
      record("bad", { secrets: Array.from({ length: 33 }, (_, i) => `s${i}`) }),
      422,
      "invalid_request",
    ],
    ["a secret named twice", record("bad", { secrets: ["a", "a"] }), 422, "invalid_request"],
    ["unknown metadata", record("bad", { metadata: { color: "red" } }), 422, "invalid_request"],
    ["metadata that is an object", record("bad", { metadata: { tagline: {} } }), 422, "invalid_request"],
    ["a path with a query", record("bad", { path_aliases: [{ from: "/a?b", to: "/c" }] }), 422, "invalid_request"],
  ])("%s creates nothing", async (_, body, status, code) => {
    const answer = await world.call("POST", base, { body });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect((await world.sql`select 1 from challenges where slug = 'bad'`).length).toBe(0);
    expect((await world.sql`select 1 from audit_log where subject = 'bad'`).length).toBe(0);
  });

  test("a refusal names the field and never repeats the value", async () => {
    const { json } = await create("bad", { env: { TOKEN: 12_345_678 } });
    expect(json.detail).toContain("env");
    expect(json.detail).not.toContain("12345678");
  });

  test.each([
    ["a patch that changes the slug", { slug: "other" }, "slug_is_fixed"],
    ["a patch to what is not valid", { emission_percent: 101 }, "invalid_request"],
    ["a patch of an unknown member", { extra: 1 }, "invalid_request"],
    ["a patch that removes what is needed", { image: null }, "invalid_request"],
  ])("%s changes nothing", async (_, body, code) => {
    await create("kept");
    const before = (await world.call("GET", `${base}/kept`)).text;
    const answer = await world.call("PATCH", `${base}/kept`, { body });
    expect([answer.status, answer.json.code]).toEqual([422, code]);
    expect((await world.call("GET", `${base}/kept`)).text).toBe(before);
  });

  test.each([
    ["GET", `${base}/nothing`, 404, "challenge_not_found"],
    ["POST", `${base}/nothing/activate`, 404, "challenge_not_found"],
    ["POST", `${base}/nothing/rotate-tokens`, 404, "challenge_not_found"],
    ["DELETE", `${base}/nothing`, 404, "challenge_not_found"],
    ["GET", `${base}/No%20Slug`, 422, "invalid_request"],
    ["GET", `${base}?limit=0`, 422, "invalid_request"],
    ["GET", `${base}?limit=201`, 422, "invalid_request"],
    ["GET", `${base}?limit=x`, 422, "invalid_request"],
    ["GET", `${base}?other=1`, 422, "invalid_request"],
    ["GET", "/v1/admin/audit?cursor=-1", 422, "invalid_request"],
    ["GET", "/v1/admin/epochs/0", 422, "invalid_request"],
    ["GET", "/v1/admin/epochs/99999999999999999999", 422, "invalid_request"],
    ["GET", "/v1/admin/nothing", 404, "not_found"],
    ["PUT", base, 404, "not_found"],
  ])("%s %s is %d %s", async (method, path, status, code) => {
    const answer = await world.call(method, path);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });
});
