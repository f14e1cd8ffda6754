import type { Task } from "#shared/engine/engine.ts";
import { terminalTaskStates } from "./outcome.ts";

/** All our tasks at one moment, by what they are for. One list call a tick makes it (jobs §7). */
export class TasksView {
  readonly #byKey = new Map<string, Task[]>();

  constructor(tasks: readonly Task[]) {
    for (const task of tasks) {
      const labels = task.Spec.ContainerSpec?.Labels ?? {};
      const key = keyOf(labels["platform.kind"] ?? "", labels["platform.id"] ?? "", labels["platform.mount"]);
      const known = this.#byKey.get(key);
      if (known) known.push(task);
      else this.#byKey.set(key, [task]);
    }
    for (const known of this.#byKey.values()) known.sort((a, b) => a.CreatedAt.localeCompare(b.CreatedAt));
  }

  /** The job's tasks, oldest first: more than one means that Swarm ran it again. */
  ofJob(id: string): readonly Task[] {
    return this.#byKey.get(keyOf("job", id, undefined)) ?? [];
  }

  ofStager(kind: "stage" | "collect", id: string, mount: number): readonly Task[] {
    return this.#byKey.get(keyOf(kind, id, String(mount))) ?? [];
  }
}

export function isOver(task: Task): boolean {
  return terminalTaskStates.has(task.Status.State);
}

function keyOf(kind: string, id: string, mount: string | undefined): string {
  return `${kind}/${id}/${mount ?? ""}`;
}
