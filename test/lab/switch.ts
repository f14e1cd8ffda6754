import { run } from "./command.ts";
import { initOf, startNamespaces } from "./namespaces.ts";
import type { Slot } from "./slot.ts";

// The switch has namespaces of its own, because Docker's rules on the host drop what bridges forward.
const switchName = "switch";

/** Starts the lab's Ethernet, with the host on it at the subnet's address 1. */
export async function startSwitch(slot: Slot): Promise<void> {
  await startNamespaces(slot, switchName);
  const pid = `${initOf(slot, switchName)}`;
  await run(["ip", "link", "add", slot.link, "type", "veth", "peer", "name", "host", "netns", pid]);
  await run(["ip", "address", "add", `${slot.subnet}.1/24`, "dev", slot.link]);
  await run(["ip", "link", "set", slot.link, "up"]);
  const script =
    "ip link add bridge0 type bridge && ip link set bridge0 up && ip link set host master bridge0 && ip link set host up";
  await inSwitch(slot, ["sh", "-c", script]);
}

/** Connects the namespaces of that name, as eth0 with the address that ends in `lastByte`. */
export async function plugIn(slot: Slot, name: string, lastByte: number): Promise<void> {
  const pid = `${initOf(slot, name)}`;
  const port = portOf(lastByte);
  await inSwitch(slot, ["ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", pid]);
  await inSwitch(slot, ["ip", "link", "set", port, "master", "bridge0", "up"]);
  const { subnet } = slot;
  const script = `ip address add ${subnet}.${lastByte}/24 dev eth0 && ip link set eth0 up && ip route add default via ${subnet}.1`;
  await run(["nsenter", "--target", pid, "--net", "sh", "-c", script]);
}

/** Cuts or restores the port's cable. */
export async function setPort(slot: Slot, lastByte: number, state: "up" | "down"): Promise<void> {
  await inSwitch(slot, ["ip", "link", "set", portOf(lastByte), state]);
}

const portOf = (lastByte: number): string => `port${lastByte}`;

async function inSwitch(slot: Slot, command: readonly string[]): Promise<void> {
  await run(["nsenter", "--target", `${initOf(slot, switchName)}`, "--net", ...command]);
}
