import type { Task } from "#shared/engine/engine.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import type { Outcome } from "../job/outcome.ts";
import type { Changes, Move } from "../job/transition.ts";

/** One thing to do for a job. What is written comes before what is done about it: a successor finds it, and goes on. */
export type Step =
  | { readonly do: "move"; readonly to: Move }
  | { readonly do: "record"; readonly changes: Changes }
  /** `isHeld`: its capacity is not given out until nobody sees its container any more. */
  | { readonly do: "end"; readonly outcome: Outcome; readonly isHeld: boolean }
  | { readonly do: "create service" }
  /** A former leader's service is taken over; where there is none the job has this outcome, or it is looked for again. */
  | { readonly do: "adopt service"; readonly otherwise: Outcome | null }
  | { readonly do: "seal service" }
  /** Swarm ran the service more than once: put on record with all tasks that were seen. */
  | { readonly do: "record strays"; readonly task_ids: readonly string[] }
  | { readonly do: "start stager"; readonly kind: StagerKind; readonly mounts: readonly number[] }
  | { readonly do: "remove stager"; readonly kind: StagerKind }
  | { readonly do: "follow log"; readonly task_id: string }
  /** Beside the ticks: the log of a task that is over is put away, and a kill, or a bad end of a job without outputs, is looked into. */
  | { readonly do: "finish"; readonly task: Task; readonly outcome: Outcome }
  /** The worker's disk was seen full: it gets no job for a while. */
  | { readonly do: "spare node"; readonly node_id: string };
