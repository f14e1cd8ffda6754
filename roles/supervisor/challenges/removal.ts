import { type Engine, EngineError, type Service } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { label, managedChallenges } from "#shared/swarm/labels.ts";
import { detachRoles } from "../attachments/attachments.ts";

/**
 * Removes services, networks and secrets of challenges that are not `wanted`: the service first, then attachments, network and
 * secrets. It never touches what lacks the platform's label, and never removes a `/data` volume.
 *
 * @returns how many challenges still have something: a network is in use until its last container is gone
 */
export async function removeUnwanted(
  engine: Engine,
  log: Logger,
  wanted: ReadonlySet<string>,
  services: readonly Service[],
): Promise<number> {
  const isUnwanted = (labels: Readonly<Record<string, string>>) => !wanted.has(labels[label.challenge] ?? "");
  for (const { ID, Spec } of services) {
    if (!isUnwanted(Spec.Labels)) continue;
    await engine.removeService(ID);
    log.info({ challenge: Spec.Labels[label.challenge] }, "challenge service removed");
  }
  let unfinished = 0;
  for (const { Id, Labels } of await engine.networks(managedChallenges)) {
    if (!isUnwanted(Labels)) continue;
    if (await removeNetworkIfFree(engine, Id))
      log.info({ challenge: Labels[label.challenge] }, "challenge network removed");
    else unfinished += 1;
  }
  for (const { ID, Spec } of await engine.secrets(managedChallenges)) {
    if (isUnwanted(Spec.Labels)) await engine.removeSecret(ID);
  }
  return unfinished;
}

/** Disconnects the roles from the network and removes it. @returns false while a container is on it */
export async function removeNetworkIfFree(engine: Engine, id: string): Promise<boolean> {
  await detachRoles(engine, id);
  try {
    await engine.removeNetwork(id);
    return true;
  } catch (error) {
    if (error instanceof EngineError && /in use|active endpoints/.test(error.message)) return false;
    throw error;
  }
}
