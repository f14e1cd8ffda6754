import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { JobResource } from "#shared/schemas/job.ts";
import { closed, lintDocument } from "../../support/openapi.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

interface Operation {
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
const read = async () => (await (await fetch(`${world.url}/openapi.json`)).json()) as Document;

test("the document is valid OpenAPI 3.1, without a warning", async () => {
  const document = await read();
  expect(document.openapi).toStartWith("3.1");
  expect(await lintDocument(document)).toEqual([]);
}, 60_000);

test("the document has every route, and all but health need a token", async () => {
  const { paths } = await read();
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { security }]) => `${method} ${path}${security ? " open" : ""}`),
  );
  expect(routes.sort()).toEqual([
    "delete /v1/jobs/{id}",
    "get /health open",
    "get /v1/jobs",
    "get /v1/jobs/{id}",
    "get /v1/jobs/{id}/artifacts/{mount}",
    "get /v1/jobs/{id}/logs",
    "post /v1/docker/cleanup",
    "post /v1/docker/list",
    "post /v1/docker/run",
    "post /v1/jobs",
    "put /v1/blobs",
  ]);
  expect((await fetch(`${world.url}/plugin-page`)).status).toBe(404);
});

const forged = { authorization: "Bearer forged" };
const none = "0".repeat(32);
const gap = { mounts: [{ target: "/m", archive_b64: "YQ==\n" }] };
const job = { image: "acme/runner:1", command: ["run"] };

test.each<[string, string, string, RequestInit, number]>([
  ...["/v1/docker/run", "/v1/docker/list", "/v1/docker/cleanup"].flatMap(
    (path): [string, string, string, RequestInit, number][] => [
      ["post", path, path, { body: "{" }, 422],
      ["post", path, path, { body: '{"job_id": 1}' }, 422],
      ["post", path, path, { body: "{}", headers: forged }, 401],
      ["post", path, path, { body: "{}", headers: { "x-platform-challenge-slug": "" } }, 400],
    ],
  ),
  ["post", "/v1/docker/run", "/v1/docker/run", { body: JSON.stringify({ ...job, ...gap }) }, 400],
  ["post", "/v1/docker/run", "/v1/docker/run", { body: JSON.stringify({ ...job, limits: { privileged: true } }) }, 403],
  ["post", "/v1/jobs", "/v1/jobs", { body: "{" }, 400],
  ["post", "/v1/jobs", "/v1/jobs", { body: "{}" }, 422],
  ["post", "/v1/jobs", "/v1/jobs", { body: JSON.stringify({ ...job, limits: { privileged: true } }) }, 403],
  ["get", "/v1/jobs", "/v1/jobs?limit=x", {}, 422],
  ["get", "/v1/jobs/{id}", `/v1/jobs/${none}`, {}, 404],
  ["delete", "/v1/jobs/{id}", `/v1/jobs/${none}`, {}, 404],
  ["get", "/v1/jobs/{id}/logs", `/v1/jobs/${none}/logs`, {}, 404],
  ["get", "/v1/jobs/{id}/artifacts/{mount}", `/v1/jobs/${none}/artifacts/0`, {}, 404],
  ["put", "/v1/blobs", "/v1/blobs", { body: "no archive" }, 400],
  ["put", "/v1/blobs", "/v1/blobs", { body: "x", headers: forged }, 401],
])("%s %s names the status of a refusal, asked at %s", async (method, path, asked, init, status) => {
  const answer = await world.ask(asked, { method: method.toUpperCase(), ...init });
  const { paths } = await read();
  expect(answer.status).toBe(status);
  expect(Object.keys(paths[path]?.[method]?.responses ?? {})).toContain(String(status));
});

test("a method that a path does not declare is refused with 405, and said which it takes", async () => {
  const { paths } = await read();
  for (const [path, item] of Object.entries(paths)) {
    const method = ["PATCH", "POST", "PUT"].find((one) => !(one.toLowerCase() in item)) ?? "";
    const answer = await world.ask(path.replace("{id}", none).replace("{mount}", "0"), { method, body: "{}" });
    const allowed = answer.headers.get("allow")?.toLowerCase().split(", ").sort();
    expect([path, answer.status, allowed]).toEqual([path, 405, Object.keys(item).sort()]);
  }
  expect((await world.ask("/v1/nothing", { method: "POST" })).status).toBe(404);
});

test("a job's answer matches the document's schema", async () => {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const submitted = await (await world.ask("/v1/jobs", { method: "POST", body })).json();
  expect([...Value.Errors(closed(JobResource), submitted)]).toEqual([]);
  const { items } = (await (await world.ask("/v1/jobs")).json()) as { items: unknown[] };
  expect(items.flatMap((item) => [...Value.Errors(closed(JobResource), item)])).toEqual([]);
});
