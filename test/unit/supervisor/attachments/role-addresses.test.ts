import { describe, expect, test } from "bun:test";
import { roleAddresses, roleHosts } from "../../../../roles/supervisor/attachments/role-addresses.ts";
import { serviceOf } from "../../../support/builders/challenge-service.ts";

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
