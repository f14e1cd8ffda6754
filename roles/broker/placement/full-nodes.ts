import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import type { Clock } from "#shared/time/clock.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";

/** Workers whose disk was full in the last 5 min: they get no job (jobs §5). */
export class FullNodes {
  readonly #until = new Map<string, number>();
  readonly #clock: Pick<Clock, "monotonic">;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  spare(node_id: string): void {
    this.#until.set(node_id, this.#clock.monotonic() + limits.jobs.dispatch.full_node_ms);
  }

  has(node_id: string): boolean {
    return (this.#until.get(node_id) ?? 0) > this.#clock.monotonic();
  }
}

/** The worker whose disk a task's end shows to be full, or null. */
export function fullNodeOf({ NodeID, Status }: Task): string | null {
  return NodeID && /no space left on device/i.test(Status.Err ?? "") ? NodeID : null;
}

/** The same of a stager, whose exit code says it as well. */
export function fullNodeOfStager(task: Task): string | null {
  const isFull = stagerEndOf(exitCodeIn(task.Status.Err)) === "storage";
  return task.NodeID && isFull ? task.NodeID : fullNodeOf(task);
}
