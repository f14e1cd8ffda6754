import type { Service } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobFleet, label } from "#shared/swarm/labels.ts";
import type { Job } from "../job/job.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";
import { tryRemoveNetwork } from "../swarm/ensure.ts";

/**
 * Removes services and networks that nobody knows of: a call of a leader that was held up may reach the engine when nobody
 * expects it any more. `known` are the jobs that are not cleaned up after; stagers are looked after at every tick.
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
    log.warn({ service: Spec.Name }, "a service of a job that is over was left");
    await engine.removeService(ID);
  }
  for (const { Id, Name } of networks.filter(({ Labels }) => isOver(Labels)))
    if (await tryRemoveNetwork(engine, Id)) log.warn({ network: Name }, "a network of a job that is over was left");
}
