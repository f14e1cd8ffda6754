import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import {
  AuditResource,
  AuditVerdictResource,
  ChallengeResource,
  EpochDetail,
  EpochResource,
  JobsResource,
  MintedToken,
  StatusResource,
  TokenResource,
} from "#shared/schemas/admin.ts";
import { Problem } from "#shared/schemas/problem.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { closed, lintDocument } from "../../support/openapi.ts";
import { type AdminTestWorld, createAdminWorld } from "../../support/worlds/admin-world.ts";
import { createAggregatorWorld, takeLead, weightsOf } from "../../support/worlds/aggregator-world.ts";
import { startPostgres } from "../../support/worlds/postgres.ts";

const stack = new AsyncDisposableStack();
let world: AdminTestWorld;
beforeAll(async () => {
  const server = stack.use(await startPostgres());
  const aggregator = stack.use(await createAggregatorWorld(server));
  world = stack.use(await createAdminWorld({ ...server, createDatabase: async () => aggregator.url }));
  await aggregator.addChallenge("sealed", 50, () => weightsOf("sealed", { hk1: 1 }));
  const lead = await takeLead(aggregator.url);
  await sealEpoch(aggregator.epochWorld(["owner", "hk1"]), lead);
  await lead.release();
});
afterAll(() => stack.disposeAsync());

interface Operation {
  readonly security?: unknown[];
  readonly parameters?: unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

test("the document is valid OpenAPI 3.1, without a warning", async () => {
  const { json } = await world.call("GET", "/openapi.json", { token: null });
  expect(json.openapi).toStartWith("3.1");
  expect(await lintDocument(json)).toEqual([]);
}, 60_000);

test("it tells every route, which of them need no token, and nothing of the pages", async () => {
  const { json } = await world.call("GET", "/openapi.json", { token: null });
  const { paths } = json as Document;
  const open = Object.entries(paths).filter(([, item]) => item["get"]?.security?.length === 0);
  expect(open.map(([path]) => path).sort()).toEqual([
    "/v1/challenges/dashboard.svg",
    "/v1/registry",
    "/v1/weights/latest",
  ]);
  expect(Object.keys(paths).every((path) => path.startsWith("/v1/"))).toBe(true);
  expect(Object.keys(paths)).toHaveLength(22);
  expect((await world.call("GET", "/plugin-page", { token: null })).status).toBe(404);
});

test("it says of each operation that reads parameters or a body that they may not match their schema", async () => {
  const { json } = await world.call("GET", "/openapi.json", { token: null });
  const operations = Object.entries((json as Document).paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
  );
  const reading = operations.filter(({ parameters = [], requestBody }) => parameters.length > 0 || requestBody);
  expect(reading.length).toBeGreaterThan(15);
  expect(reading.filter(({ responses }) => !("422" in responses)).map(({ name }) => name)).toEqual([]);
});

const page = (item: TSchema) =>
  Type.Object({ items: Type.Array(item, { minItems: 1 }), next_cursor: Type.Union([Type.String(), Type.Null()]) });

test.each<[string, string, unknown, number, TSchema]>([
  ["POST", "/v1/admin/challenges", { slug: "a", name: "A", image: "x:1" }, 201, ChallengeResource],
  ["GET", "/v1/admin/challenges", undefined, 200, page(ChallengeResource)],
  ["POST", "/v1/admin/tokens", { name: "t", scope: "read" }, 201, MintedToken],
  ["GET", "/v1/admin/tokens", undefined, 200, page(TokenResource)],
  ["DELETE", "/v1/admin/tokens/t", undefined, 200, TokenResource],
  ["GET", "/v1/admin/status", undefined, 200, StatusResource],
  ["GET", "/v1/admin/jobs", undefined, 200, JobsResource],
  ["GET", "/v1/admin/epochs", undefined, 200, page(EpochResource)],
  ["GET", "/v1/admin/epochs/1", undefined, 200, EpochDetail],
  ["GET", "/v1/admin/audit", undefined, 200, page(AuditResource)],
  ["GET", "/v1/admin/audit/verify", undefined, 200, AuditVerdictResource],
  ["GET", "/v1/admin/challenges/none", undefined, 404, Problem],
  ["POST", "/v1/admin/challenges", {}, 422, Problem],
])("%s %s answers what the document says", async (method, path, body, status, schema) => {
  const answer = await world.call(method, path, body === undefined ? {} : { body });
  expect(answer.status).toBe(status);
  expect([...Value.Errors(closed(schema), answer.json)].map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
});
