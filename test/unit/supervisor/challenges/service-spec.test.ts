import { describe, expect, test } from "bun:test";
import { label } from "#shared/swarm/labels.ts";
import { challengeVolumeName } from "#shared/swarm/names.ts";
import { challengeNetwork } from "../../../../roles/supervisor/challenges/service-spec.ts";
import { challengeRecord, serviceOf } from "../../../support/builders/challenge-service.ts";

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
    expect(challengeNetwork(challengeRecord(), true)).toMatchObject({
      Internal: true,
      Attachable: true,
      Encrypted: true,
    });
    expect(challengeNetwork(challengeRecord({ egress: true }), false)).toMatchObject({
      Internal: false,
      Encrypted: false,
    });
    const digests = [
      challengeNetwork(challengeRecord(), true),
      challengeNetwork(challengeRecord(), false),
      challengeNetwork(challengeRecord({ egress: true }), true),
    ].map(({ Labels }) => Labels[label.spec]);
    expect(new Set(digests).size).toBe(3);
  });
});
