import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { createHttpApp } from "#shared/http/app.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { valid } from "#shared/http/valid.ts";
import { createLogger } from "#shared/observability/logger.ts";

const schema = Type.Object({ limits: Type.Object({ cpus: Type.Number() }) }, { additionalProperties: false });

/** What an app that leaves validation to Elysia says of the same body. */
async function detailOfElysia(body: unknown): Promise<unknown> {
  const app = createHttpApp(createLogger("test", "silent")).post("/", () => "ok", { body: schema });
  const headers = { "content-type": "application/json" };
  const answer = await app.handle(
    new Request("http://platform.internal/", { method: "POST", headers, body: JSON.stringify(body) }),
  );
  return ((await answer.json()) as { detail: unknown }).detail;
}

test.each([
  [{ limits: { cpus: "s3cret" } }, "body field limits.cpus: expected number"],
  [{ limits: { cpus: 1 }, extra: 1 }, "body field extra: unexpected property"],
  [{}, "body field limits: expected required property"],
])("a body that is wrong is refused in the same words wherever it is checked: %j", async (body, sentence) => {
  const refused = () => valid(schema, body);
  expect(refused).toThrow(new ProblemError(422, "invalid_request", sentence));
  expect(await detailOfElysia(body)).toBe(sentence);
});
