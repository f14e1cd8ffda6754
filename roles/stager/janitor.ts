import { jobOfName, jobVolumePrefix } from "#shared/swarm/names.ts";
import type { JanitorConfig } from "./config.ts";
import type { NodeEngine } from "./node-engine.ts";

export interface JanitorResult {
  readonly kind: "janitor";
  readonly removed: string[];
  /** Jobs with something still in use. The broker sends a janitor again for them. */
  readonly busy_jobs: string[];
}

/**
 * Removes what ended jobs left on this node: containers that do not run, then volumes. A running container stays and is
 * reported, because its job's capacity is not free. Whoever asks, only things named for a job are touched. Idempotent.
 */
export async function runJanitor({ jobs }: JanitorConfig, engine: NodeEngine): Promise<JanitorResult> {
  const asked = new Set(jobs);
  const removed: string[] = [];
  const busy = new Set<string>();
  const remove = async (job: string, name: string, removal: Promise<"removed" | "absent" | "busy">) => {
    const result = await removal;
    if (result === "busy") busy.add(job);
    if (result === "removed") removed.push(name);
  };
  for (const { id, service, isRunning } of await engine.serviceContainers()) {
    const job = jobOfName(service);
    if (!asked.has(job)) continue;
    if (isRunning) busy.add(job);
    else await remove(job, id, engine.removeContainer(id));
  }
  for (const name of await engine.volumeNames(jobVolumePrefix)) {
    const job = jobOfName(name);
    if (asked.has(job) && !busy.has(job)) await remove(job, name, engine.removeVolume(name));
  }
  return { kind: "janitor", removed, busy_jobs: [...busy] };
}
