import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";

/** Exit code of a stager that found its worker's disk full, or below the floor (roles/stager). */
const storageExit = /non-zero exit \(13\)/;

/** Workers whose disk was seen full a while ago: they get no job (jobs §5). */
export class FullNodes {
  readonly #until = new Map<string, number>();

  /** Learns from how a stager's task ended. */
  seeStager(task: Task, now_ms: number): void {
    if (storageExit.test(task.Status.Err ?? "")) this.#mark(task, now_ms);
    else this.seeTask(task, now_ms);
  }

  /** Learns from how any task ended. */
  seeTask(task: Task, now_ms: number): void {
    if (/no space left on device/i.test(task.Status.Err ?? "")) this.#mark(task, now_ms);
  }

  has(node_id: string, now_ms: number): boolean {
    return (this.#until.get(node_id) ?? 0) > now_ms;
  }

  #mark({ NodeID }: Task, now_ms: number): void {
    if (NodeID) this.#until.set(NodeID, now_ms + limits.jobs.dispatch.full_node_ms);
  }
}
