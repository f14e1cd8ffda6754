import type { Challenges } from "#shared/database/tables/challenges.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { AcceptWorld } from "../admission/accept-job.ts";
import type { Policies } from "../admission/policies.ts";
import type { LogFiles } from "../logs/log-files.ts";
import type { Changes } from "./changes.ts";
import type { FairShares } from "./fair-shares.ts";

/** What the job API acts with. */
export interface ApiWorld extends AcceptWorld {
  readonly challenges: Pick<Challenges, "bySlug">;
  /** At most `policies_ms` old. */
  readonly policies: Policies;
  readonly master_key: string;
  readonly changes: Changes;
  /** How many bytes of job requests are in memory. */
  readonly held_bytes: FairShares;
  /** How many answers with logs and artifacts are being streamed. */
  readonly readers: FairShares;
  readonly logs: LogFiles;
  readonly log: Logger;
  /** Aborted when the process is asked to stop: who waits for a job is told to ask its successor. */
  readonly stopping: AbortSignal;
  /** Brings the dispatcher's next tick forward. */
  wake(): void;
}
