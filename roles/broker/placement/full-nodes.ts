import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import type { Clock } from "#shared/time/clock.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";

/** When the disk of each worker was last seen full: in the 5 min after that it gets no job (jobs §5). */
export class FullNodes {
  readonly #seen_ms = new Map<string, number>();
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** By node, on the clock that is never set. */
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

/** The worker whose disk a task's end shows to be full, or null. */
export function fullNodeOf({ NodeID, Status }: Task): string | null {
  return NodeID && /no space left on device/i.test(Status.Err ?? "") ? NodeID : null;
}

/** The same of a stager, whose exit code says it as well. */
export function fullNodeOfStager(task: Task): string | null {
  const end = stagerEndOf(exitCodeIn(task.Status.Err));
  return task.NodeID && (end === "storage" || end === "done_disk_low") ? task.NodeID : fullNodeOf(task);
}

/** Whether a stager did all that it was to do, on whatever disk. */
export function isStagerDone({ Status }: Task): boolean {
  return Status.State === "complete" || stagerEndOf(exitCodeIn(Status.Err)) === "done_disk_low";
}
