import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { DispatchWorld, Sight } from "./dispatch-world.ts";
import { drainedMounts, type Job } from "./job.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { stagerName } from "./stager-service-spec.ts";
import { runStager } from "./staging.ts";
import { isOver } from "./tasks-view.ts";

/** Exit codes of the stager that mean the job left too much, or what no archive may hold. */
const tooLarge = 20;
const refused = 21;

export interface Collected {
  readonly isDone: boolean;
  readonly isComplete: boolean;
  /** What the outcome becomes when the output itself is at fault. */
  readonly outcome: Outcome;
}

/** Brings back what the job left in its writable mounts, one stager each; asked again at every tick. */
export async function collectOutputs(
  world: DispatchWorld,
  job: Job,
  outcome: Outcome,
  sight: Sight,
  started: Set<string>,
): Promise<Collected> {
  let pending = 0;
  let isComplete = true;
  let result = outcome;
  for (const mount of drainedMounts(job)) {
    if (job.artifacts.some((artifact) => artifact.mount === mount)) continue;
    const [task] = sight.tasks.ofStager("collect", job.id, mount);
    if (!task) {
      await startCollector(world, job, mount, started);
      pending += 1;
    } else if (!isOver(task) || task.Status.State === "complete") {
      // Complete, but its upload is not in this tick's read of the job: the next one has it.
      pending += 1;
    } else {
      isComplete = false;
      result = outputFault(task, result);
    }
  }
  return { isDone: pending === 0, isComplete, outcome: result };
}

function outputFault(task: Task, outcome: Outcome): Outcome {
  if (outcome.state !== "succeeded") return outcome;
  const code = Number(/non-zero exit \((\d+)\)/.exec(task.Status.Err ?? "")?.[1] ?? 0);
  if (code === tooLarge)
    return outcomeOf("failed", "output_too_large", "the job left more than a mount may hold", outcome.exit_code);
  if (code === refused)
    return outcomeOf("failed", "output_refused", "the job left what no archive may hold", outcome.exit_code);
  return outcome;
}

async function startCollector(
  { engine, settings, tokens, clock }: DispatchWorld,
  job: Job,
  mount: number,
  started: Set<string>,
): Promise<void> {
  const name = stagerName("collect", job.id, mount);
  if (started.has(name) || !job.node_id) return;
  const env = {
    PLATFORM_TRANSFER_URL: `${settings.transfer_url}/v1/transfer/${job.id}/outputs/${mount}`,
    PLATFORM_TRANSFER_TOKEN: tokens.mint("output", job.id, mount, null),
    PLATFORM_OUTPUT_BYTES_MAX: String(limits.jobs.output_bytes_max),
  };
  await runStager({ engine, settings, clock }, job, "collect", mount, env);
  started.add(name);
}
