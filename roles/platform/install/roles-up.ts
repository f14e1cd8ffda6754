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

/** Creates what is missing and updates what differs; answers what it did to each. */
export async function ensureServices(
  engine: Engine,
  specs: readonly ServiceSpec[],
): Promise<Record<string, "created" | "updated" | "kept">> {
  const done: Record<string, "created" | "updated" | "kept"> = {};
  for (const wanted of specs) {
    const digest = createHash("sha256").update(JSON.stringify(wanted)).digest("hex");
    const spec = { ...wanted, Labels: { ...wanted.Labels, [label.spec]: digest } };
    const current = await engine.service(spec.Name);
    if (!current) await engine.createService(spec);
    else if (current.Spec.Labels[label.spec] !== digest)
      await engine.updateService(current.ID, current.Version.Index, spec);
    done[spec.Name] = !current ? "created" : current.Spec.Labels[label.spec] === digest ? "kept" : "updated";
  }
  return done;
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
