import type { Task } from "#shared/engine/engine.ts";
import type { StagerKind } from "#shared/swarm/names.ts";
import type { Outcome } from "../job/outcome.ts";
import type { Changes, Move } from "../job/transition.ts";

/** One thing to do for a job. Intents are written before they are acted on, so that a successor can go on from there. */
export type Step =
  | { readonly do: "move"; readonly to: Move }
  | { readonly do: "record"; readonly changes: Changes }
  /** `isHeld`: the capacity stays taken until the janitor found no container of the job. */
  | { readonly do: "end"; readonly outcome: Outcome; readonly isHeld: boolean }
  | { readonly do: "create service" }
  /** Takes over a former leader's service. Without one the job ends with `otherwise`; null: the next tick looks again. */
  | { readonly do: "adopt service"; readonly otherwise: Outcome | null }
  | { readonly do: "seal service" }
  /** Records that Swarm ran the service more than once, with all tasks that were seen. */
  | { readonly do: "record strays"; readonly task_ids: readonly string[] }
  | { readonly do: "start stager"; readonly kind: StagerKind; readonly mounts: readonly number[] }
  | { readonly do: "remove stager"; readonly kind: StagerKind }
  | { readonly do: "follow log"; readonly task_id: string }
  /** Stores the log of an ended task, beside the ticks. Inspects the container after a kill, or a bad end without outputs. */
  | { readonly do: "finish"; readonly task: Task; readonly outcome: Outcome }
  /** Keeps what the log follow of a vanished task still brings, beside the ticks. */
  | { readonly do: "drain log" }
  /** The worker's disk was seen full: it gets no job for 5 min. */
  | { readonly do: "spare node"; readonly node_id: string };
