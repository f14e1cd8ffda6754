import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import type { Clock } from "#shared/time/clock.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";

/** Workers whose disk was seen full. Such a worker gets no job for 5 min after the last sighting (jobs §5). */
export class FullNodes {
  readonly #seen_ms = new Map<string, number>();
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** The last sighting by node, on the monotonic clock. */
  get seen_ms(): ReadonlyMap<string, number> {
    return this.#seen_ms;
  }

  spare(node_id: string): void {
    this.#seen_ms.set(node_id, this.#clock.monotonic());
  }

  has(node_id: string): boolean {
    const seen_ms = this.#seen_ms.get(node_id) ?? Number.NEGATIVE_INFINITY;
    return this.#clock.monotonic() - seen_ms < limits.jobs.dispatch.full_node_ms;
  }
}

/** The worker of a task that failed because its disk was full; else null. */
export function fullNodeOf({ NodeID, Status }: Task): string | null {
  return NodeID && /no space left on device/i.test(Status.Err ?? "") ? NodeID : null;
}

/** The same for a stager, whose exit code also tells of a full disk. */
export function fullNodeOfStager(task: Task): string | null {
  const end = stagerEndOf(exitCodeIn(task.Status.Err));
  return task.NodeID && (end === "storage" || end === "done_disk_low") ? task.NodeID : fullNodeOf(task);
}

/** Whether a stager did all its work, even if the disk was low. */
export function isStagerDone({ Status }: Task): boolean {
  return Status.State === "complete" || stagerEndOf(exitCodeIn(Status.Err)) === "done_disk_low";
}
