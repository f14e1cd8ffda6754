import { createHash } from "node:crypto";
import type { Engine, ServiceSpec } from "#shared/engine/engine.ts";
import { label, managed } from "#shared/swarm/labels.ts";
import { network } from "#shared/swarm/names.ts";

/** Creates the networks of the roles that are missing (architecture §3). */
export async function ensureNetworks(engine: Engine, isEncrypted: boolean): Promise<void> {
  const wanted = { [network.control]: true, [network.transfer]: true, [network.public]: false };
  for (const [Name, Internal] of Object.entries(wanted)) {
    if (await engine.network(Name)) continue;
    await engine.createNetwork({ Name, Labels: managed, Internal, Attachable: false, Encrypted: isEncrypted });
  }
}

/**
 * The name of the Swarm secret for `value`. It contains a digest of the value: a Swarm secret cannot change, so a new
 * value needs a new name.
 */
export function swarmSecretName(key: string, value: string): string {
  return `platform_${key}_${createHash("sha256").update(`${key}\0${value}`).digest("hex").slice(0, 12)}`;
}

export async function ensureSwarmSecrets(
  engine: Engine,
  values: Readonly<Record<string, string>>,
): Promise<Record<string, { id: string; name: string }>> {
  const existing = await engine.secrets(managed);
  const found: Record<string, { id: string; name: string }> = {};
  for (const [key, value] of Object.entries(values)) {
    const name = swarmSecretName(key, value);
    const known = existing.find(({ Spec }) => Spec.Name === name);
    found[key] = {
      name,
      id: known?.ID ?? (await engine.createSecret(name, value, { ...managed, [label.kind]: "role" })),
    };
  }
  return found;
}

/** What was done to a service. `digest` is the digest of its present spec. */
export interface Deployed {
  readonly name: string;
  readonly did: "created" | "updated" | "kept";
  readonly digest: string;
}

/**
 * Creates the services that are missing and updates those that differ. Each container has its spec's digest as a label, which
 * tells new containers from former ones.
 */
export async function ensureServices(engine: Engine, specs: readonly ServiceSpec[]): Promise<Deployed[]> {
  const done: Deployed[] = [];
  for (const wanted of specs) {
    const digest = createHash("sha256").update(JSON.stringify(wanted)).digest("hex");
    const spec = withDigest(wanted, digest);
    const current = await engine.service(spec.Name);
    const isSame = current?.Spec.Labels[label.spec] === digest;
    if (!current) await engine.createService(spec);
    else if (!isSame) await engine.updateService(current.ID, current.Version.Index, spec);
    done.push({ name: spec.Name, did: !current ? "created" : isSame ? "kept" : "updated", digest });
  }
  return done;
}

function withDigest(spec: ServiceSpec, digest: string): ServiceSpec {
  const { ContainerSpec } = spec.TaskTemplate;
  const Labels = { ...ContainerSpec.Labels, [label.spec]: digest };
  return {
    ...spec,
    Labels: { ...spec.Labels, [label.spec]: digest },
    TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { ...ContainerSpec, Labels } },
  };
}

/**
 * Requires that each service that was created or updated has a running task of its present spec. Until then a former
 * container may still answer requests.
 *
 * @throws Error with the engine's message about the first service that has none
 */
export async function requireNewTasks(engine: Pick<Engine, "tasks">, deployed: readonly Deployed[]): Promise<true> {
  const tasks = await engine.tasks({ ...managed, [label.kind]: "role" });
  for (const { name, did, digest } of deployed) {
    if (did === "kept") continue;
    const own = tasks.filter(({ Spec }) => Spec.ContainerSpec?.Labels?.[label.spec] === digest);
    if (own.some(({ Status }) => Status.State === "running")) continue;
    const [last] = own.toSorted((one, other) => other.CreatedAt.localeCompare(one.CreatedAt));
    throw new Error(`${name}: ${last?.Status.Err || last?.Status.Message || "it has not started"}`);
  }
  return true;
}

/**
 * Removes the services of roles that the installation no longer has, for example the embedded database after a change to
 * an external one. Their volumes stay. Returns the names of the services.
 */
export async function removeOtherRoles(engine: Engine, specs: readonly ServiceSpec[]): Promise<string[]> {
  const wanted = new Set(specs.map(({ Name }) => Name));
  const others = (await engine.services({ ...managed, [label.kind]: "role" })).filter(
    ({ Spec }) => !wanted.has(Spec.Name),
  );
  for (const { ID } of others) await engine.removeService(ID);
  return others.map(({ Spec }) => Spec.Name);
}
