import { describe, expect, test } from "bun:test";
import { secretFileName, secretsOf, swarmSecretName } from "../../../../roles/supervisor/challenges/secret-names.ts";
import { challengeRecord } from "../../../support/builders/challenge-service.ts";

describe("a challenge's secrets", () => {
  test("that are derived are never taken from outside, whatever the record calls them", () => {
    expect(secretsOf(challengeRecord({ secrets: ["Docker-Broker-Token", "challenge_token", "API.key"] }))).toEqual([
      { file: "challenge_token", external: null },
      { file: "docker_broker_token", external: null },
      { file: "api_key", external: "API.key" },
    ]);
  });

  test("have file names of 48 characters at most, and Swarm names of 64", () => {
    expect(secretFileName("A".repeat(64))).toBe("a".repeat(48));
    expect(swarmSecretName("demo", "challenge_token", "g3")).toBe("platform_demo_challenge_token_g3");
    const long = swarmSecretName("s".repeat(40), "docker_broker_token", "g12");
    expect(long.length).toBeLessThanOrEqual(64);
    expect(long).not.toBe(swarmSecretName("s".repeat(40), "docker_broker_token", "g13"));
  });
});
