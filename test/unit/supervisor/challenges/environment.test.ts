import { describe, expect, test } from "bun:test";
import { serviceOf } from "../../../support/builders/challenge-service.ts";

const environmentOf = (fields: Record<string, unknown>) =>
  Object.fromEntries(
    (serviceOf(fields).TaskTemplate.ContainerSpec.Env ?? []).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );

describe("a challenge's environment", () => {
  test("without the broker's capability names its own token alone", () => {
    expect(environmentOf({})).toEqual({
      PLATFORM_CHALLENGE_SLUG: "my-demo",
      CHALLENGE_DATABASE_URL: "sqlite+aiosqlite:////data/challenge.sqlite3",
      CHALLENGE_SHARED_TOKEN_FILE: "/run/secrets/platform/challenge_token",
      CHALLENGE_TOKEN_FILE: "/run/secrets/platform/challenge_token",
    });
  });

  test("with docker_executor leads to the broker", () => {
    expect(environmentOf({ required_capabilities: ["docker_executor"] })).toMatchObject({
      CHALLENGE_DOCKER_ENABLED: "true",
      CHALLENGE_DOCKER_BACKEND: "broker",
      CHALLENGE_DOCKER_BROKER_URL: "http://platform-broker:8082",
      CHALLENGE_DOCKER_BROKER_TOKEN_FILE: "/run/secrets/platform/docker_broker_token",
    });
  });

  test("is the record's where the record sets it, braces and all", () => {
    const env = { CHALLENGE_DATABASE_URL: "sqlite:///x", TEMPLATE: "{{.Node.ID}}" };
    expect(environmentOf({ env })).toMatchObject({
      CHALLENGE_DATABASE_URL: "sqlite:///x",
      TEMPLATE: '{{"{{"}}.Node.ID}}',
    });
  });
});
