import { createChallenges } from "#shared/database/challenges.ts";
import type { Database } from "#shared/database/database.ts";
import { type Engine, EngineError, type Service } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { detachAll } from "./attachments.ts";
import {
  challengeLabel,
  challengeNetwork,
  challengeService,
  digestOf,
  labelsOf,
  networkName,
  serviceName,
  specLabel,
} from "./challenge-spec.ts";
import { resolveImage } from "./image.ts";
import { ensureSecrets, removeOtherSecrets, type SecretSource } from "./secrets.ts";

export interface ReconcilerWorld {
  readonly engine: Engine;
  readonly sql: Database;
  readonly log: Logger;
  readonly secrets: SecretSource;
  readonly are_overlays_encrypted: boolean;
}

const managedChallenges = { "platform.managed": "true", "platform.kind": "challenge" } as const;

/**
 * Makes Swarm equal to the registry once: a service, network and secrets for each active challenge, nothing for any other.
 * What a former run left is adopted by its name; what is not labelled ours is never touched; a `/data` volume is never
 * removed. One challenge that fails does not keep the others waiting.
 *
 * @returns slugs of the challenges whose service is as wanted
 */
export async function reconcile(world: ReconcilerWorld): Promise<readonly string[]> {
  const { engine, sql, log } = world;
  const active = await createChallenges(sql).withStatus("active");
  const services = await engine.services(managedChallenges);
  const { NodeID } = await engine.swarm();
  const right: string[] = [];
  for (const challenge of active) {
    try {
      await ensureChallenge(world, challenge, services, NodeID);
      right.push(challenge.spec.slug);
    } catch (error) {
      log.error({ err: error, challenge: challenge.spec.slug }, "the challenge could not be brought to its record");
    }
  }
  const wanted = new Set(active.map(({ spec }) => spec.slug as string));
  await removeUnwanted(world, wanted, services);
  return right;
}

async function ensureChallenge(
  world: ReconcilerWorld,
  challenge: Challenge,
  services: readonly Service[],
  node_id: string,
): Promise<void> {
  const { engine, sql, log, are_overlays_encrypted } = world;
  const { slug, image } = challenge.spec;
  if (!(await engine.network(networkName(slug)))) {
    await engine.createNetwork(challengeNetwork(challenge.spec, are_overlays_encrypted));
    log.info({ challenge: slug }, "network created");
  }
  const secrets = await ensureSecrets(engine, challenge, world.secrets);
  const spec = challengeService(challenge.spec, { image: await resolveImage(engine, image), node_id, secrets });
  const digest = digestOf(spec);
  const labelled = { ...spec, Labels: { ...spec.Labels, [specLabel]: digest } };
  const current = services.find(({ Spec }) => Spec.Name === serviceName(slug));
  if (!current) {
    await engine.createService(labelled);
    log.info({ challenge: slug, image: spec.TaskTemplate.ContainerSpec.Image }, "service created");
  } else if (current.Spec.Labels[specLabel] !== digest) {
    await engine.updateService(current.ID, current.Version.Index, labelled);
    log.info({ challenge: slug, image: spec.TaskTemplate.ContainerSpec.Image }, "service updated");
  } else if (isSettled(current)) {
    await finishRotation(sql, challenge);
    await removeOtherSecrets(engine, slug, secrets);
  }
}

function isSettled({ UpdateStatus }: Service): boolean {
  return UpdateStatus === undefined || UpdateStatus.State === "completed" || UpdateStatus.State === "";
}

/** The service runs with the secrets of the new generation: from here on the former one is refused. */
async function finishRotation(sql: Database, { spec, token_generation, token_rotating }: Challenge): Promise<void> {
  if (!token_rotating) return;
  await sql`update challenges set token_rotating = false where slug = ${spec.slug} and token_generation = ${token_generation}`;
}

async function removeUnwanted(
  { engine, log }: ReconcilerWorld,
  wanted: ReadonlySet<string>,
  services: readonly Service[],
): Promise<void> {
  for (const { ID, Spec } of services) {
    const slug = Spec.Labels[challengeLabel] ?? "";
    if (wanted.has(slug)) continue;
    await engine.removeService(ID);
    log.info({ challenge: slug }, "service removed");
  }
  for (const network of await engine.networks(managedChallenges)) {
    const slug = network.Labels[challengeLabel] ?? "";
    if (wanted.has(slug)) continue;
    await detachAll(engine, network.Id);
    try {
      await engine.removeNetwork(network.Id);
      await removeOtherSecrets(engine, slug, []);
      log.info({ challenge: slug }, "network and secrets removed");
    } catch (error) {
      // In use until the last container is gone: the next round finds it free.
      if (!(error instanceof EngineError)) throw error;
      log.debug({ challenge: slug, reason: error.message }, "network not free yet");
    }
  }
}

/** Whether a service of ours has this slug: what attachments wait for. */
export async function challengeIsRunning(engine: Engine, slug: string): Promise<boolean> {
  const tasks = await engine.tasks(labelsOf(slug));
  return tasks.some(({ Status }) => Status.State === "running");
}
