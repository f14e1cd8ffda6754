import { expect, test } from "bun:test";
import { findStagerNetwork } from "../../../../roles/broker/transfers/network.ts";

const engine = (Subnet: string) => ({
  network: async (Name: string) =>
    Name === "stagers"
      ? { Id: "1", Name, Created: "", Labels: {}, Internal: true, IPAM: { Config: [{ Subnet }] } }
      : null,
});

test("a broker finds its own address on the stagers' network, and which addresses belong to it", async () => {
  const network = await findStagerNetwork(engine("10.0.9.0/24"), "stagers", ["127.0.0.1", "10.0.10.4", "10.0.9.7"]);
  expect(network.address).toBe("10.0.9.7");
  expect(["10.0.9.200", "10.0.10.4", "::1"].map(network.has)).toEqual([true, false, false]);
  const six = await findStagerNetwork(engine("fd00:9::/64"), "stagers", ["10.0.9.7", "fd00:9::7"]);
  expect([six.address, six.has("fd00:9::1"), six.has("10.0.9.1")]).toEqual(["fd00:9::7", true, false]);
});

test("a broker that is not on the stagers' network refuses to start", async () => {
  for (const name of ["stagers", "none"]) {
    expect(findStagerNetwork(engine("10.0.9.0/24"), name, ["10.0.10.4"])).rejects.toThrow("no address on the network");
  }
});
