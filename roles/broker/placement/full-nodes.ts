import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { stagerEndOf } from "#shared/schemas/stager.ts";
import type { Clock } from "#shared/time/clock.ts";
import { exitCodeIn } from "../swarm/exit-code.ts";

/** Workers whose disk was seen full a while ago: they get no job (jobs §5). */
export class FullNodes {
  readonly #until = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Learns from how a stager's task ended. */
  seeStager(task: Task): void {
    if (stagerEndOf(exitCodeIn(task.Status.Err)) === "storage") this.#mark(task);
    else this.seeTask(task);
  }

  /** Learns from how any task ended. */
  seeTask(task: Task): void {
    if (/no space left on device/i.test(task.Status.Err ?? "")) this.#mark(task);
  }

  has(node_id: string): boolean {
    return (this.#until.get(node_id) ?? 0) > this.#clock.monotonic();
  }

  #mark({ NodeID }: Task): void {
    if (NodeID) this.#until.set(NodeID, this.#clock.monotonic() + limits.jobs.dispatch.full_node_ms);
  }
}
