import { createHash } from "node:crypto";
import type { Engine, ServiceSpec } from "#shared/engine/engine.ts";
import { label, managed } from "#shared/swarm/labels.ts";
import { network } from "#shared/swarm/names.ts";

/** The networks of the roles (architecture §3). */
export async function ensureNetworks(engine: Engine, isEncrypted: boolean): Promise<void> {
  const wanted = { [network.control]: true, [network.transfer]: true, [network.public]: false };
  for (const [Name, Internal] of Object.entries(wanted)) {
    if (await engine.network(Name)) continue;
    await engine.createNetwork({ Name, Labels: managed, Internal, Attachable: false, Encrypted: isEncrypted });
  }
}

/** Swarm secrets cannot change: a new value gets a name of its own, made of its digest. */
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

/** What was done to a service; `digest` is that of the spec it has now. */
export interface Deployed {
  readonly name: string;
  readonly did: "created" | "updated" | "kept";
  readonly digest: string;
}

/** Creates what is missing and updates what differs. The containers carry their spec's digest, so that new ones can be told. */
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
 * Whether a task of the present spec runs for each service that was created or updated: what answers until then may be the
 * former container.
 *
 * @throws Error with the engine's own words about the first that does not run
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

/** Removes roles that the installation no longer has, as the embedded database beside another one; their volumes stay. */
export async function removeOtherRoles(engine: Engine, specs: readonly ServiceSpec[]): Promise<string[]> {
  const wanted = new Set(specs.map(({ Name }) => Name));
  const others = (await engine.services({ ...managed, [label.kind]: "role" })).filter(
    ({ Spec }) => !wanted.has(Spec.Name),
  );
  for (const { ID } of others) await engine.removeService(ID);
  return others.map(({ Spec }) => Spec.Name);
}
