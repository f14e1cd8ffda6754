import { type Engine, EngineError, type Task } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import { terminalTaskStates } from "../job/outcome.ts";

/** All our tasks at one moment, by what they are for. One list call a tick fills it (jobs §7). */
export class TasksView {
  readonly #byKey = new Map<string, Task[]>();

  constructor(tasks: readonly Task[]) {
    for (const task of tasks) {
      const labels = task.Spec.ContainerSpec?.Labels ?? {};
      const key = keyOf(labels[label.kind] ?? "", labels[label.id] ?? "");
      const known = this.#byKey.get(key);
      if (known) known.push(task);
      else this.#byKey.set(key, [task]);
    }
    for (const known of this.#byKey.values())
      if (known.length > 1) known.sort((a, b) => a.CreatedAt.localeCompare(b.CreatedAt));
  }

  /** The job's tasks, oldest first. More than one means that Swarm ran the job again. */
  ofJob(id: string): readonly Task[] {
    return this.#byKey.get(keyOf("job", id)) ?? [];
  }

  ofStager(kind: StagerKind, id: string): readonly Task[] {
    return this.#byKey.get(keyOf(kind, id)) ?? [];
  }

  /** The last task of a janitor, by its service's name. */
  ofJanitor(name: string): Task | undefined {
    return this.#byKey.get(keyOf("janitor", name))?.at(-1);
  }

  /** Stagers whose job is not in the state that they serve. */
  stagersBut(states: ReadonlyMap<string, string>): { readonly kind: StagerKind; readonly id: string }[] {
    const served = { stage: "staging", collect: "collecting" } as const;
    return [...this.#byKey].flatMap(([key, tasks]) => {
      const [kind = "", id = ""] = key.split("/");
      if ((kind !== "stage" && kind !== "collect") || states.get(id) === served[kind]) return [];
      // The tasks of a removed service stay for a while.
      return tasks.every(({ DesiredState }) => DesiredState === "remove") ? [] : [{ kind, id } as const];
    });
  }

  /** Ids of jobs with a container that runs or may start. */
  jobsThatMayRun(): string[] {
    return [...this.#byKey]
      .filter(([key, tasks]) => key.startsWith("job/") && tasks.some(mayRun))
      .map(([key]) => key.slice("job/".length));
  }
}

/** The task of the job that counts: the first that was seen (jobs §3). */
export function countedTask(
  { id, swarm_task_id }: { readonly id: string; readonly swarm_task_id: string | null },
  tasks: TasksView,
): Task | undefined {
  const all = tasks.ofJob(id);
  return swarm_task_id === null ? all[0] : all.find(({ ID }) => ID === swarm_task_id);
}

/** The tasks of a service; empty when there is no such service. */
export async function tasksOf(engine: Pick<Engine, "tasksOfService">, name: string): Promise<readonly Task[]> {
  try {
    return await engine.tasksOfService(name);
  } catch (error) {
    if (error instanceof EngineError && error.fault === "not_found") return [];
    throw error;
  }
}

export const idsOf = (tasks: readonly Task[]) => tasks.map(({ ID }) => ID);

export function isOver(task: Task): boolean {
  return terminalTaskStates.has(task.Status.State);
}

/** Whether the task is over. On a lost node Swarm leaves tasks of a removed service as they were, but wants them removed. */
function mayRun(task: Task): boolean {
  return !isOver(task) && task.DesiredState !== "remove" && task.DesiredState !== "shutdown";
}

function keyOf(kind: string, id: string): string {
  return `${kind}/${id}`;
}

/** The engine's last message about the start. */
export function lastWords(task: Task | undefined): string {
  if (!task) return "the engine has no task of it";
  const { Err, Message, State } = task.Status;
  return (Err || Message || State).replace(/[^\x20-\x7e]/g, "?");
}
