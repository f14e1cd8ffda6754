import { type Container, type Engine, EngineError } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { challengeLabel } from "./challenge-spec.ts";

/** The roles that speak to challenges, each under its own name on the challenge's network (architecture §3). */
const attachedRoles = ["proxy", "broker", "aggregator", "admin"] as const;
const serviceLabel = "com.docker.swarm.service.name";

/**
 * Connects the running containers of proxy, broker, aggregator and admin to the network of every challenge. A restarted role
 * comes back without its attachments, so this is asked again at every start event; what is connected stays as it is.
 *
 * @returns how many connections are still missing: the engine knows a network only once a task of it runs on this node
 */
export async function attachRoles(engine: Engine, slugs: readonly string[], log: Logger): Promise<number> {
  const roles = await roleContainers(engine);
  const networks = await engine.networks({ "platform.managed": "true", "platform.kind": "challenge" });
  let missing = 0;
  for (const network of networks) {
    const slug = network.Labels[challengeLabel] ?? "";
    if (!slugs.includes(slug)) continue;
    for (const [role, container] of roles) {
      if (network.Name in container.NetworkSettings.Networks) continue;
      try {
        await engine.connectNetwork(network.Id, container.Id, [`platform-${role}`]);
        log.info({ challenge: slug, role }, "attached");
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        if (error.message.includes("already exists in network")) continue;
        missing += 1;
        log.debug({ challenge: slug, role, reason: error.message }, "not attached yet");
      }
    }
    missing += attachedRoles.length - roles.size;
  }
  return missing;
}

/** Disconnects whatever of ours is still on the network, so that it can be removed. */
export async function detachAll(engine: Engine, networkId: string): Promise<void> {
  for (const [, container] of await roleContainers(engine)) {
    const isOn = Object.values(container.NetworkSettings.Networks).some(({ NetworkID }) => NetworkID === networkId);
    if (isOn) await engine.disconnectNetwork(networkId, container.Id);
  }
}

async function roleContainers(engine: Engine): Promise<Map<string, Container>> {
  const found = new Map<string, Container>();
  for (const role of attachedRoles) {
    const [container] = await engine.containers({ [serviceLabel]: `platform-${role}` });
    if (container) found.set(role, container);
  }
  return found;
}
