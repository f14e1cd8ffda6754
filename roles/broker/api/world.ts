import type { Challenges } from "#shared/database/challenges.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { AcceptWorld } from "../admission/accept-job.ts";
import type { Policies } from "../admission/policies.ts";
import type { LogFiles } from "../logs/log-files.ts";
import type { Changes } from "./changes.ts";
import type { FairShares } from "./fair-shares.ts";

/** What the job API acts with. */
export interface ApiWorld extends AcceptWorld {
  readonly challenges: Pick<Challenges, "bySlug">;
  /** A moment old at most. */
  readonly policies: Policies;
  readonly master_key: string;
  readonly changes: Changes;
  /** Bytes of job requests in memory. */
  readonly held_bytes: FairShares;
  /** Answers that are streamed to whoever reads logs and artifacts. */
  readonly readers: FairShares;
  readonly logs: LogFiles;
  readonly log: Logger;
  /** Brings the dispatcher's next tick forward. */
  wake(): void;
}
