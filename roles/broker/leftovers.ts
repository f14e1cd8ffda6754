import type { DispatchWorld } from "./dispatch-world.ts";
import { tryRemoveNetwork } from "./engine-acts.ts";
import type { Job } from "./job.ts";

/**
 * Removes networks and services of jobs that are over and cleaned up after: a call of a leader that was held up may have
 * reached the engine when nobody expected it any more. `known` are the jobs that are not.
 */
export async function removeLeftovers({ engine, log }: DispatchWorld, known: readonly Job[]): Promise<void> {
  const ids = new Set(known.map(({ id }) => id));
  const isLeft = (labels: Readonly<Record<string, string>>) => !ids.has(labels["platform.id"] ?? "");
  const ours = { "platform.fleet": "jobs", "platform.kind": "job" };
  const [services, networks] = await Promise.all([engine.services(ours), engine.networks(ours)]);
  for (const { ID, Spec } of services.filter(({ Spec }) => isLeft(Spec.Labels))) {
    log.warn({ service: Spec.Name }, "a service of a job that is over was left");
    await engine.removeService(ID);
  }
  for (const { Id, Name, Labels } of networks.filter(({ Labels }) => isLeft(Labels)))
    if (await tryRemoveNetwork(engine, Id)) log.info({ network: Name, labels: Labels }, "a left network was removed");
}
