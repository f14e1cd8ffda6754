import { afterAll, beforeAll, expect, test } from "bun:test";
import { registryLogin } from "#shared/database/tables/registry-credentials.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

let server: TestPostgres;
let world: AdminTestWorld;
beforeAll(async () => {
  server = await startPostgres();
  world = await createAdminWorld(server);
  for (const slug of ["a", "b"])
    await world.call("POST", "/v1/admin/challenges", { body: { slug, name: slug, image: "x:1" } });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await server.stop();
});

const path = (slug: string, registry = "") =>
  `/v1/admin/challenges/${slug}/registry-accounts${registry && `/${registry}`}`;
const set = (slug: string, registry: string, body: unknown = { username: "robot", password: "pa55 word" }) =>
  world.call("PUT", path(slug, registry), { body });
const login = (slug: string, registry: string) => registryLogin(world.sql, "k".repeat(32), slug, registry);

test("an account is set, listed, changed and taken away, each challenge's its own", async () => {
  expect((await set("a", "ghcr.io")).json).toMatchObject({ registry: "ghcr.io", username: "robot" });
  expect((await set("a", "registry.example.com:5000")).status).toBe(200);
  expect(await login("a", "ghcr.io")).toEqual({ username: "robot", password: "pa55 word" });
  expect(await login("b", "ghcr.io")).toBeNull();
  await set("a", "ghcr.io", { username: "other", password: "second" });
  expect(await login("a", "ghcr.io")).toEqual({ username: "other", password: "second" });
  const { items } = (await world.call("GET", path("a"))).json;
  expect(items.map((item: { registry: string }) => item.registry)).toEqual(["ghcr.io", "registry.example.com:5000"]);
  expect((await world.call("DELETE", path("a", "ghcr.io"))).status).toBe(204);
  expect((await world.call("DELETE", path("a", "ghcr.io"))).json.code).toBe("registry_account_not_found");
  expect(await login("a", "ghcr.io")).toBeNull();
});

test("no password is in an answer, the audit log or the database", async () => {
  await set("a", "quay.io", { username: "u", password: "very-secret-word" });
  const answers = [
    (await world.call("GET", path("a"))).text,
    (await world.call("GET", "/v1/admin/audit")).text,
    (await world.call("GET", "/v1/admin/challenges/a")).text,
    JSON.stringify(await world.sql`select * from registry_credentials`),
    JSON.stringify(await world.sql`select encode(sealed_password, 'escape') as sealed from registry_credentials`),
  ];
  for (const answer of answers) expect(answer).not.toContain("very-secret-word");
  expect(answers[1]).toContain("registry_account.set");
});

test("what is no account is refused, and there are so many at most", async () => {
  for (const registry of ["-x", "a_b", "UPPER.example", "x:port"])
    expect((await set("a", encodeURIComponent(registry))).status).toBe(422);
  expect((await set("a", "ghcr.io", { username: "u" })).status).toBe(422);
  expect((await set("none", "ghcr.io")).json.code).toBe("challenge_not_found");
  for (let index = 0; index < limits.challenge.registries_max; index += 1)
    expect((await set("b", `r${index}.example`)).status).toBe(200);
  expect((await set("b", "more.example")).json).toMatchObject({ status: 409, code: "too_many_registry_accounts" });
  expect((await set("b", "r0.example")).status).toBe(200);
});

test("a challenge's accounts go with it", async () => {
  expect((await world.call("DELETE", "/v1/admin/challenges/b")).status).toBe(204);
  expect(await world.sql`select 1 from registry_credentials where challenge = 'b'`).toHaveLength(0);
});
