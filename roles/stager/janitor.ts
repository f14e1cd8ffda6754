import type { JanitorConfig } from "./config.ts";
import type { NodeEngine } from "./node-engine.ts";

export interface JanitorResult {
  readonly kind: "janitor";
  readonly removed: string[];
  readonly absent: string[];
  /** Still in use: to be asked again. */
  readonly busy: string[];
  /** Not a job's: never touched, whoever asks. */
  readonly refused: string[];
}

const job_volume = /^platform-job-[a-z0-9-]{1,80}$/;
const job_service = /^platform-(?:job|stage|collect)-[a-z0-9-]{1,80}$/;

/** Removes volumes and task containers of jobs by name. Doing it twice is the same as once. */
export async function runJanitor(config: JanitorConfig, engine: NodeEngine): Promise<JanitorResult> {
  const result: JanitorResult = { kind: "janitor", removed: [], absent: [], busy: [], refused: [] };
  // Containers first: they hold the volumes.
  for (const id of config.containers) {
    const labels = /^[0-9a-f]{12,64}$/.test(id) ? await engine.containerLabels(id) : {};
    if (labels === null) result.absent.push(id);
    else if (!job_service.test(labels["com.docker.swarm.service.name"] ?? "")) result.refused.push(id);
    else result[await engine.removeContainer(id)].push(id);
  }
  for (const name of config.volumes) {
    if (job_volume.test(name)) result[await engine.removeVolume(name)].push(name);
    else result.refused.push(name);
  }
  return result;
}
