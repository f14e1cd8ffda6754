import type { Network } from "#shared/engine/engine.ts";
import { roleName } from "#shared/swarm/names.ts";

/** The roles that speak to challenges (architecture §3). */
export const attachedServices = ["proxy", "broker", "aggregator", "admin"].map(roleName);

/** The roles that a challenge may speak to. */
const reachedServices = ["broker", "proxy"].map(roleName);

/**
 * The addresses of the attached roles on a challenge's network: the last ones of its subnet. They are fixed for two reasons.
 * A Swarm container that is connected while it runs gets no name in the network's DNS. And Swarm's allocator does not know the
 * address that the engine would choose; it gives out addresses from the subnet's beginning.
 *
 * @returns null while the network has no subnet yet
 */
export function roleAddresses(network: Network): Readonly<Record<string, string>> | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(network.IPAM?.Config?.[0]?.Subnet ?? "");
  if (!match) return null;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 32] = match.slice(1).map(Number);
  const broadcast = ((a * 256 + b) * 256 + c) * 256 + d + 2 ** (32 - prefix) - 1;
  return Object.fromEntries(attachedServices.map((service, index) => [service, dotted(broadcast - 1 - index)]));
}

/** Lines of the challenge's /etc/hosts: address and name of each role that it may speak to. */
export function roleHosts(addresses: Readonly<Record<string, string>>): string[] {
  return reachedServices.map((service) => `${addresses[service]} ${service}`);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
