import { type Container, type Engine, EngineError, type Network } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { label, managedChallenges } from "#shared/swarm/labels.ts";
import { attachedServices, roleAddresses } from "./role-addresses.ts";

type AttachingEngine = Pick<Engine, "containers" | "services" | "networks" | "connectNetwork">;

/**
 * Connects the running containers of proxy, broker, aggregator and admin to the network of every running challenge. It never
 * changes an existing connection. A restarted role has lost its connections, so this runs after every start of a container.
 * It needs only the engine, so it works while the database is away.
 *
 * @returns how many connections failed
 */
export async function attachRoles(engine: AttachingEngine, log: Logger): Promise<number> {
  const containers = await engine.containers({ [label.service_name]: "" });
  const roles = containers.filter(isAttachedRole);
  let missing = 0;
  for (const network of await runningNetworks(engine, containers)) {
    const challenge = network.Labels[label.challenge];
    const addresses = roleAddresses(network);
    for (const container of roles) {
      if (isOn(container, network.Id)) continue;
      const service = container.Labels[label.service_name] ?? "";
      try {
        await engine.connectNetwork(network.Id, container.Id, { aliases: [service], address: addresses?.[service] });
        log.info({ challenge, service }, "role attached to the challenge's network");
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        if (error.message.includes("already exists in network")) continue;
        missing += 1;
        log.debug({ challenge, service, reason: error.message }, "the role could not be attached yet");
      }
    }
  }
  return missing;
}

/**
 * The networks of challenges whose container runs. Before that, this node does not know the network, and an attempt to connect
 * takes seconds to fail. A challenge whose service was removed may still run for a moment; it gets no new connection.
 */
async function runningNetworks(engine: AttachingEngine, containers: readonly Container[]): Promise<readonly Network[]> {
  const services = await engine.services(managedChallenges);
  const served = new Set(services.map(({ Spec }) => Spec.Labels[label.challenge]));
  return (await engine.networks(managedChallenges)).filter(
    ({ Id, Labels }) =>
      served.has(Labels[label.challenge]) &&
      containers.some(
        (container) => container.Labels[label.challenge] === Labels[label.challenge] && isOn(container, Id),
      ),
  );
}

/** Disconnects the roles from the network, so that it can be removed. */
export async function detachRoles(
  engine: Pick<Engine, "containers" | "disconnectNetwork">,
  networkId: string,
): Promise<void> {
  for (const container of await roleContainers(engine)) {
    if (isOn(container, networkId)) await engine.disconnectNetwork(networkId, container.Id);
  }
}

function isOn({ NetworkSettings }: Container, networkId: string): boolean {
  return Object.values(NetworkSettings.Networks).some(({ NetworkID }) => NetworkID === networkId);
}

async function roleContainers(engine: Pick<Engine, "containers">): Promise<readonly Container[]> {
  return (await engine.containers({ [label.service_name]: "" })).filter(isAttachedRole);
}

function isAttachedRole({ Labels }: Container): boolean {
  const names: readonly (string | undefined)[] = attachedServices;
  return names.includes(Labels[label.service_name]);
}
