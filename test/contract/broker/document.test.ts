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

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: readonly unknown[] }>>>>;
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

test("a job's answer matches the document's schema", async () => {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const submitted = await (await world.ask("/v1/jobs", { method: "POST", body })).json();
  expect([...Value.Errors(closed(JobResource), submitted)]).toEqual([]);
  const { items } = (await (await world.ask("/v1/jobs")).json()) as { items: unknown[] };
  expect(items.flatMap((item) => [...Value.Errors(closed(JobResource), item)])).toEqual([]);
});
