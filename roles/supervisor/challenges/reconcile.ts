import type { Database } from "#shared/database/database.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import type { Engine, Network, Service } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { managedChallenges } from "#shared/swarm/labels.ts";
import { challengeServiceName } from "#shared/swarm/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import { each } from "#shared/time/each.ts";
import { roleAddresses, roleHosts } from "../attachments/role-addresses.ts";
import { decideNetwork, decideService, isRotationOver } from "./decide.ts";
import { resolveImage } from "./image.ts";
import { removeNetworkIfFree, removeUnwanted } from "./removal.ts";
import { ensureSecrets, type SecretSource } from "./secrets.ts";
import { challengeNetwork, challengeService } from "./service-spec.ts";
import type { Setbacks } from "./setbacks.ts";

export interface ReconcilerWorld {
  readonly engine: Engine;
  readonly sql: Database;
  readonly log: Logger;
  readonly clock: Clock;
  readonly secrets: SecretSource;
  readonly areOverlaysEncrypted: boolean;
  readonly setbacks: Setbacks;
}

/** More than one at a time, so that a registry that does not answer delays one challenge, not all. */
const challenges_at_once_max = 8;

/**
 * Makes the Swarm equal to the registry once: service, network and secrets for each active challenge, nothing for any other.
 * It adopts objects of a former run by their names. It never touches what lacks the platform's label, and never removes a
 * `/data` volume. A challenge that fails delays no other; it is tried again after growing pauses.
 *
 * @returns how many challenges are not finished and need another round soon
 */
export async function reconcile(world: ReconcilerWorld): Promise<number> {
  const { engine, sql, log } = world;
  const active = await createChallenges(sql).withStatus("active");
  const services = await engine.services(managedChallenges);
  const { NodeID } = await engine.swarm();
  const areDone = await each(active, challenges_at_once_max, (challenge) =>
    tryChallenge(world, challenge, services, NodeID),
  );
  const unfinished = areDone.filter((isDone) => !isDone).length;
  const wanted = new Set<string>(active.map(({ spec }) => spec.slug));
  return unfinished + (await removeUnwanted(engine, log, wanted, services));
}

async function tryChallenge(
  world: ReconcilerWorld,
  challenge: Challenge,
  services: readonly Service[],
  node_id: string,
): Promise<boolean> {
  const { setbacks, clock, log } = world;
  const { slug } = challenge.spec;
  const edition = challenge.updated_at.toISOString();
  if (!setbacks.isDue(slug, edition, clock.monotonic())) return true;
  try {
    const isDone = await ensureChallenge(world, challenge, services, node_id);
    setbacks.succeeded(slug);
    return isDone;
  } catch (error) {
    const isNews = setbacks.failed(slug, edition, (error as Error).message, clock.monotonic());
    if (isNews)
      log.error(
        { err: error, challenge: slug },
        "the challenge could not be made equal to its record; it is tried again",
      );
    return true;
  }
}

/** @returns false while its network is not ready yet */
async function ensureChallenge(
  world: ReconcilerWorld,
  challenge: Challenge,
  services: readonly Service[],
  node_id: string,
): Promise<boolean> {
  const { engine, sql, log } = world;
  const { slug, image } = challenge.spec;
  const current = services.find(({ Spec }) => Spec.Name === challengeServiceName(slug));
  const network = await ensureNetwork(world, challenge, current);
  const addresses = network ? roleAddresses(network) : null;
  if (!addresses) return false;
  const { live, former } = await ensureSecrets(engine, challenge, world.secrets);
  const spec = challengeService(challenge.spec, {
    image: await resolveImage(engine, sql, `challenge:${slug}`, image),
    node_id,
    token_generation: challenge.token_generation,
    hosts: roleHosts(addresses),
    secrets: live,
  });
  const note = { challenge: slug, image: spec.TaskTemplate.ContainerSpec.Image };
  const step = decideService(spec, current, challenge, former);
  if (step === "create service") {
    await engine.createService(spec);
    log.info(note, "challenge service created");
  } else if (step === "update service" && current) {
    await engine.updateService(current.ID, current.Version.Index, spec);
    log.info(note, "challenge service updated");
  } else if (step === "end rotation" && current) {
    await endRotation(world, challenge, current, former);
  }
  return true;
}

/** @returns null while the network is being made, or while a former one with other settings is still in use */
async function ensureNetwork(world: ReconcilerWorld, { spec }: Challenge, service?: Service): Promise<Network | null> {
  const { engine, log, areOverlaysEncrypted } = world;
  const wanted = challengeNetwork(spec, areOverlaysEncrypted);
  const current = await engine.network(wanted.Name);
  const steps = decideNetwork(spec.slug, wanted, current, service !== undefined);
  if (steps.length === 0) return current;
  for (const step of steps) {
    if (step === "remove service" && service) await engine.removeService(service.ID);
    if (step === "remove network" && current) {
      if (!(await removeNetworkIfFree(engine, current.Id))) return null;
      log.info({ challenge: spec.slug }, "network removed, to be created with other settings");
    }
    if (step === "create network") {
      await engine.createNetwork(wanted);
      log.info({ challenge: spec.slug, is_internal: wanted.Internal }, "challenge network created");
    }
  }
  return steps.includes("create network") ? await engine.network(wanted.Name) : null;
}

/** When the challenge runs with the present secrets only, the former tokens are refused and the former secrets removed. */
async function endRotation(
  { engine, sql, log }: ReconcilerWorld,
  { spec, token_generation, token_rotating }: Challenge,
  service: Service,
  former: readonly string[],
): Promise<void> {
  if (!isRotationOver(await engine.tasksOfService(service.ID), token_generation)) return;
  if (token_rotating) {
    await createChallenges(sql).endRotation(spec.slug, token_generation);
    log.info({ challenge: spec.slug, token_generation }, "tokens rotated");
  }
  for (const id of former) await engine.removeSecret(id);
}
