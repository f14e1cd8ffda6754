import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import { drainedMounts, type PlacedJob } from "../job/job.ts";
import { type Outcome, outcomeOf } from "../job/outcome.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";
import { isOver } from "../swarm/tasks-view.ts";
import { startStager } from "./inputs.ts";
import type { DispatchWorld, Sight } from "./world.ts";

export interface Collected {
  readonly isDone: boolean;
  readonly isComplete: boolean;
  /** What the outcome becomes when the output itself is at fault. */
  readonly outcome: Outcome;
}

/** Brings back what the job left in its writable mounts, all in one container; asked again at every tick. */
export async function collectOutputs(
  world: DispatchWorld,
  job: PlacedJob,
  outcome: Outcome,
  sight: Sight,
  started: Set<string>,
): Promise<Collected> {
  const missing = drainedMounts(job).filter((index) => !job.artifacts.some(({ mount }) => mount === index));
  if (missing.length === 0) return { isDone: true, isComplete: true, outcome };
  const [task] = sight.tasks.ofStager("collect", job.id);
  if (!task) {
    const mounts = missing.map((index) => ({ index, token: world.tokens.mint("output", job.id, index, null) }));
    const own = { output_bytes_max: limits.jobs.output_bytes_max };
    await startStager(world, job, "collect", mounts, own, started);
  }
  // Complete, but its uploads are not in this tick's read of the job: the next one has them.
  if (!task || !isOver(task) || task.Status.State === "complete") return { isDone: false, isComplete: true, outcome };
  sight.full_nodes.seeStager(task);
  return { isDone: true, isComplete: false, outcome: outputFault(task, outcome) };
}

function outputFault(task: Task, outcome: Outcome): Outcome {
  if (outcome.state !== "succeeded") return outcome;
  const end = stagerEndOf(exitCodeIn(task.Status.Err));
  if (end === "output_too_large")
    return outcomeOf("failed", "output_too_large", "the job left more than a mount may hold", outcome.exit_code);
  if (end === "output_refused")
    return outcomeOf("failed", "output_refused", "the job left what no archive may hold", outcome.exit_code);
  return outcome;
}
