import type { FinalState, LiveState } from "#shared/schemas/job.ts";
import type { JobRecord } from "./job.ts";
import type { ReasonName } from "./outcome.ts";

/** The longest times in states that are bounded by settings, in milliseconds. */
export interface StateTimes {
  readonly queued_ms: number;
  readonly staging_ms: number;
  readonly starting_ms: number;
  readonly collecting_ms: number;
}

interface StateRule {
  readonly means: string;
  /** What bounds the time in this state: a setting, or the job's own timeout. */
  readonly lasts: keyof StateTimes | "timeout_seconds";
  /** The end of a job that stays longer; null: the outcome that it carries already. */
  readonly overdue: { readonly state: FinalState; readonly reason: ReasonName } | null;
}

/** What each live state means, what bounds it, and how an overdue job ends. The README's table says the same. */
export const stateRules = {
  queued: {
    means: "durable; waits for its turn and for capacity",
    lasts: "queued_ms",
    overdue: { state: "rejected", reason: "queue_deadline" },
  },
  staging: {
    means: "its inputs are being placed on the leased node; only with mounts",
    lasts: "staging_ms",
    overdue: { state: "rejected", reason: "staging_deadline" },
  },
  starting: {
    means: "its service is created, its image pulled, its container started",
    lasts: "starting_ms",
    overdue: { state: "rejected", reason: "start_deadline" },
  },
  running: {
    means: "its container runs: from here on its own timeout counts",
    lasts: "timeout_seconds",
    overdue: { state: "timed_out", reason: "timeout" },
  },
  collecting: {
    means: "carries its outcome while log and artifacts are brought back",
    lasts: "collecting_ms",
    overdue: null,
  },
} as const satisfies Readonly<Record<LiveState, StateRule>>;

/** The deadline of a state that the job entered at `since_ms`. */
export function deadlineOf(
  state: LiveState,
  since_ms: number,
  { spec }: Pick<JobRecord, "spec">,
  times: StateTimes,
): number {
  const { lasts } = stateRules[state];
  return since_ms + (lasts === "timeout_seconds" ? spec.timeout_seconds * 1_000 : times[lasts]);
}
