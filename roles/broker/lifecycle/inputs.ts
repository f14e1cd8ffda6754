import { environmentOfOrder, type StagerOrder } from "#shared/schemas/stager.ts";
import { type StagerKind, stagerName } from "#shared/swarm/names.ts";
import type { PlacedJob } from "../job/job.ts";
import { type Outcome, outcomeOf } from "../job/outcome.ts";
import { ensureService } from "../swarm/ensure.ts";
import { stagerService } from "../swarm/stager-service-spec.ts";
import { isOver } from "../swarm/tasks-view.ts";
import type { DispatchWorld, Sight } from "./world.ts";

/** How far the inputs are: still on their way, all there, or not to be had. */
export type Staging = "under_way" | "done" | Outcome;

/** Brings the job's inputs to its node, all mounts in one container (jobs §5); asked again at every tick. */
export async function stageInputs(
  world: DispatchWorld,
  job: PlacedJob,
  sight: Sight,
  started: Set<string>,
): Promise<Staging> {
  const [task] = sight.tasks.ofStager("stage", job.id);
  if (!task) {
    const { tokens } = world;
    const mounts = job.spec.mounts.map(({ blob, read_only }, index) => ({
      index,
      writable: !read_only,
      digest: blob,
      token: blob ? tokens.mint("input", job.id, index, blob) : null,
    }));
    await startStager(world, job, "stage", mounts, {}, started);
    return "under_way";
  }
  if (!isOver(task)) return "under_way";
  if (task.Status.State === "complete") return "done";
  sight.full_nodes.seeStager(task);
  return outcomeOf("rejected", "staging_failed", "the inputs could not be placed on the worker");
}

/** Starts the job's stager of this kind, or finds it; it ends by the deadline of the job's state. */
export async function startStager(
  { engine, settings, clock, confirm }: DispatchWorld,
  { id, challenge, node_id, deadline_ms }: PlacedJob,
  kind: StagerKind,
  mounts: readonly { readonly index: number }[],
  own: StagerOrder,
  started: Set<string>,
): Promise<void> {
  const name = stagerName(kind, id);
  if (started.has(name)) return;
  if (!node_id) throw new Error(`job ${id} has no node`);
  const env = environmentOfOrder({
    ...own,
    transfer_url: `${settings.transfer_url}/v1/transfer/${id}`,
    mounts,
    deadline_ms: Math.max(1_000, Math.round(deadline_ms - clock.now())),
  });
  const { stager_image } = settings;
  const indexes = mounts.map(({ index }) => index);
  await confirm();
  await ensureService(engine, stagerService({ kind, id, challenge, mounts: indexes, node_id, stager_image, env }));
  started.add(name);
}
