import type { DispatchWorld, Sight } from "./dispatch-world.ts";
import { ensureService } from "./engine-acts.ts";
import type { Job } from "./job.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { stagerName, stagerService } from "./stager-service-spec.ts";
import { isOver } from "./tasks-view.ts";

/** How far the inputs are: still on their way, all there, or not to be had. */
export type Staging = "under_way" | "done" | Outcome;

/** Brings the job's inputs to its node, one stager a mount (jobs §5); asked again at every tick. */
export async function stageInputs(
  world: DispatchWorld,
  job: Job,
  sight: Sight,
  started: Set<string>,
): Promise<Staging> {
  let done = 0;
  for (const [mount] of job.spec.mounts.entries()) {
    const [task] = sight.tasks.ofStager("stage", job.id, mount);
    if (task?.Status.State === "complete") done += 1;
    else if (task && isOver(task))
      return outcomeOf("rejected", "staging_failed", "an input could not be placed on the worker");
    else if (!task) await startStager(world, job, mount, started);
  }
  return done === job.spec.mounts.length ? "done" : "under_way";
}

async function startStager(
  { engine, settings, tokens, clock }: DispatchWorld,
  job: Job,
  mount: number,
  started: Set<string>,
): Promise<void> {
  const name = stagerName("stage", job.id, mount);
  const input = job.spec.mounts[mount];
  if (started.has(name) || !input || !job.node_id) return;
  const source = input.blob
    ? {
        PLATFORM_TRANSFER_URL: `${settings.transfer_url}/v1/transfer/${job.id}/inputs/${mount}`,
        PLATFORM_TRANSFER_TOKEN: tokens.mint("input", job.id, mount, input.blob),
        PLATFORM_DIGEST: input.blob,
      }
    : {};
  const env = { ...source, PLATFORM_WRITABLE: String(!input.read_only) };
  await runStager({ engine, settings, clock }, job, "stage", mount, env);
  started.add(name);
}

/** Starts the job's stager of this kind and mount, or finds it; it ends by the deadline of the job's state. */
export async function runStager(
  { engine, settings, clock }: Pick<DispatchWorld, "engine" | "settings" | "clock">,
  { id, challenge, node_id, deadline_ms }: Job,
  kind: "stage" | "collect",
  mount: number,
  own: Readonly<Record<string, string>>,
): Promise<void> {
  if (!node_id) throw new Error(`job ${id} has no node`);
  const env = { ...own, PLATFORM_DEADLINE_MS: String(Math.max(1_000, deadline_ms - clock.now())) };
  const { stager_image } = settings;
  await ensureService(engine, stagerService({ kind, id, challenge, mount, node_id, stager_image, env }));
}

/** Removes the stagers of a job whose work is done. */
export async function removeStagers(world: DispatchWorld, job: Job, kind: "stage" | "collect"): Promise<void> {
  await Promise.all(job.spec.mounts.map((_, mount) => world.engine.removeService(stagerName(kind, job.id, mount))));
}
