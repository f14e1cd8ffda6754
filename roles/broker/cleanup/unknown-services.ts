import type { Service } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobFleet, label } from "#shared/swarm/labels.ts";
import type { Job } from "../job/job.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";
import { tryRemoveNetwork } from "../swarm/ensure.ts";

/**
 * Removes services and networks of jobs that are already cleaned up. Such leftovers come from a delayed call of a former
 * leader. `known` are the jobs that are not cleaned up yet. Stagers are not handled here: every tick looks after them.
 */
export async function removeLeftovers(
  { engine, log, clock, confirm }: DispatchWorld,
  known: readonly Job[],
): Promise<void> {
  const ids = new Set(known.map(({ id }) => id));
  const isOver = (labels: Readonly<Record<string, string>>) => !ids.has(labels[label.id] ?? "");
  const isOld = ({ CreatedAt }: Service) => clock.now() - Date.parse(CreatedAt) > limits.jobs.janitor_ms_max;
  const [services, networks] = await Promise.all([engine.services(jobFleet), engine.networks(jobFleet)]);
  await confirm();
  for (const service of services) {
    const { ID, Spec } = service;
    const kind = Spec.Labels[label.kind];
    if (!(kind === "job" && isOver(Spec.Labels)) && !(kind === "janitor" && isOld(service))) continue;
    log.warn({ service: Spec.Name }, "removed a leftover service of an ended job");
    await engine.removeService(ID);
  }
  for (const { Id, Name } of networks.filter(({ Labels }) => isOver(Labels)))
    if (await tryRemoveNetwork(engine, Id)) log.warn({ network: Name }, "removed a leftover network of an ended job");
}
