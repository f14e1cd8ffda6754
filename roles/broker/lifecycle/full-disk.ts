import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import type { JobIn } from "../job/job.ts";
import { excessBound, fullDiskOutcome, type Outcome } from "../job/outcome.ts";
import { fullNodeOfStager } from "../placement/full-nodes.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";
import type { JobMemory } from "./memory.ts";
import type { Sight } from "./world.ts";

interface EndedTask {
  readonly job: JobIn<"collecting">;
  readonly sight: Pick<Sight, "now_ms" | "monotonic_ms" | "disks_full_ms">;
  readonly memory: Pick<JobMemory, "isDiskFull">;
}

/**
 * The job's outcome, judged by its worker's disk. The disk counts as full if the job's collector or inspection found it
 * full, or anybody saw it full since `full_disk_window_ms` before the end. The outcome of a job that left too much output
 * stays, because that job itself fills disks.
 */
export function judgedByDisk(seen: EndedTask, collector?: Task): Outcome {
  const { job, memory } = seen;
  const end = collector ? stagerEndOf(exitCodeIn(collector.Status.Err)) : null;
  if (end !== null && excessBound(end) !== null) return job.outcome;
  const isFull = memory.isDiskFull || (collector && fullNodeOfStager(collector) !== null) || wasSeenFull(seen);
  return isFull ? fullDiskOutcome(job.outcome) : job.outcome;
}

function wasSeenFull({ job, sight }: EndedTask): boolean {
  // Sightings use the monotonic clock. The job's times are wall-clock times, which move along when that clock is set.
  const ended_monotonic_ms = sight.monotonic_ms - (sight.now_ms - job.collecting_ms);
  const seen_ms = sight.disks_full_ms.get(job.node_id) ?? Number.NEGATIVE_INFINITY;
  return seen_ms >= ended_monotonic_ms - limits.jobs.dispatch.full_disk_window_ms;
}
