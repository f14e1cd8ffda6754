import { describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { ChallengeSpec } from "#shared/schemas/challenge.ts";
import { label } from "#shared/swarm/labels.ts";
import { challengeVolumeName } from "#shared/swarm/names.ts";
import { roleAddresses, roleHosts } from "../../../roles/supervisor/attachments/role-addresses.ts";
import { secretFileName, secretsOf, swarmSecretName } from "../../../roles/supervisor/challenges/secret-names.ts";
import { challengeNetwork, challengeService } from "../../../roles/supervisor/challenges/service-spec.ts";
import { Setbacks } from "../../../roles/supervisor/challenges/setbacks.ts";

const record = (fields: Record<string, unknown> = {}): ChallengeSpec =>
  Value.Decode(
    ChallengeSpec,
    Value.Default(ChallengeSpec, { slug: "my-demo", name: "Demo", image: "demo:1", ...fields }),
  );
const serviceOf = (fields: Record<string, unknown> = {}, token_generation = 1) => {
  const spec = record(fields);
  const secrets = secretsOf(spec).map(({ file }) => ({ file, id: `id of ${file}`, name: `name of ${file}` }));
  return challengeService(spec, {
    image: "sha256:1",
    node_id: "n1",
    token_generation,
    hosts: ["10.0.4.253 platform-broker"],
    secrets,
  });
};
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

describe("a challenge's secrets", () => {
  test("that are derived are never taken from outside, whatever the record calls them", () => {
    expect(secretsOf(record({ secrets: ["Docker-Broker-Token", "challenge_token", "API.key"] }))).toEqual([
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

describe("a challenge's service", () => {
  test("is one container on the manager with nothing but its volume and a /tmp", () => {
    const { TaskTemplate, EndpointSpec, UpdateConfig } = serviceOf();
    expect(TaskTemplate.ContainerSpec).toMatchObject({
      Hostname: "challenge-my-demo",
      ReadOnly: true,
      CapabilityDrop: ["ALL"],
      Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
      HealthCheck: { Test: ["NONE"] },
    });
    expect(TaskTemplate.ContainerSpec.Mounts?.map(({ Type, Source, Target }) => [Type, Source, Target])).toEqual([
      ["volume", "platform_my_demo_sqlite", "/data"],
      ["tmpfs", undefined, "/tmp"],
    ]);
    expect(challengeVolumeName("a-b")).toBe("platform_a_b_sqlite");
    expect(TaskTemplate.Placement?.Constraints).toEqual(["node.id==n1"]);
    expect(TaskTemplate.Networks).toEqual([{ Target: "platform_challenge_my-demo", Aliases: ["challenge-my-demo"] }]);
    expect(EndpointSpec).toEqual({ Mode: "dnsrr" });
    expect(UpdateConfig).toMatchObject({ FailureAction: "pause", Order: "stop-first" });
  });

  test("has another digest when anything that matters changes, and the same when nothing does", () => {
    const digest = (fields?: Record<string, unknown>, generation?: number) =>
      serviceOf(fields, generation).Labels[label.spec];
    expect(digest()).toBe(digest());
    const others = [
      digest({ env: { A: "1" } }),
      digest({ resources: { cpus: 2, memory_bytes: 2 ** 30 } }),
      digest({ secrets: ["key"] }),
      digest({}, 2),
    ];
    expect(new Set([digest(), ...others]).size).toBe(5);
    // Neither the emission nor the description is worth a restart.
    expect(digest({ emission_percent: 12, description: "x" })).toBe(digest());
  });

  test("has a network without egress unless the record grants it", () => {
    expect(challengeNetwork(record(), true)).toMatchObject({ Internal: true, Attachable: true, Encrypted: true });
    expect(challengeNetwork(record({ egress: true }), false)).toMatchObject({ Internal: false, Encrypted: false });
    const digests = [
      challengeNetwork(record(), true),
      challengeNetwork(record(), false),
      challengeNetwork(record({ egress: true }), true),
    ].map(({ Labels }) => Labels[label.spec]);
    expect(new Set(digests).size).toBe(3);
  });
});

describe("what failed", () => {
  test("is tried again later and later, and told once", () => {
    const setbacks = new Setbacks();
    const told: boolean[] = [];
    const tried_ms: number[] = [];
    for (let now_ms = 0; now_ms < 300_000; now_ms += 500) {
      if (!setbacks.isDue("demo", "1", now_ms)) continue;
      tried_ms.push(now_ms);
      told.push(setbacks.failed("demo", "1", "no image", now_ms));
    }
    expect(tried_ms).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000, 243_000]);
    expect(told).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  });

  test("is tried at once when its record changed or it succeeded, and told when it fails otherwise", () => {
    const setbacks = new Setbacks();
    setbacks.failed("demo", "1", "no image", 0);
    expect(setbacks.isDue("demo", "1", 10)).toBe(false);
    expect(setbacks.isDue("demo", "2", 10)).toBe(true);
    expect(setbacks.failed("demo", "1", "no secret", 20)).toBe(true);
    setbacks.succeeded("demo");
    expect(setbacks.isDue("demo", "1", 30)).toBe(true);
  });
});

describe("the roles on a challenge's network", () => {
  const network = (Subnet?: string) =>
    ({
      Id: "n",
      Name: "n",
      Created: "",
      Labels: {},
      Internal: true,
      IPAM: { Config: Subnet ? [{ Subnet }] : null },
    }) as const;

  test("have the last addresses of its subnet, and the challenge the names of broker and proxy", () => {
    const addresses = roleAddresses(network("10.0.4.0/24"));
    expect(addresses).toEqual({
      "platform-proxy": "10.0.4.254",
      "platform-broker": "10.0.4.253",
      "platform-aggregator": "10.0.4.252",
      "platform-admin": "10.0.4.251",
    });
    expect(roleHosts(addresses ?? {})).toEqual(["10.0.4.253 platform-broker", "10.0.4.254 platform-proxy"]);
    expect(serviceOf().TaskTemplate.ContainerSpec.Hosts).toEqual(["10.0.4.253 platform-broker"]);
    expect(roleAddresses(network("10.255.255.128/25"))?.["platform-proxy"]).toBe("10.255.255.254");
    expect(roleAddresses(network("200.1.0.0/16"))?.["platform-admin"]).toBe("200.1.255.251");
  });

  test("have none while the network has no subnet yet", () => {
    expect(roleAddresses(network())).toBeNull();
  });
});
