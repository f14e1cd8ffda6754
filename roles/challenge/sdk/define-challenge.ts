import type { Static, TObject } from "@sinclair/typebox";
import type { AnyElysia } from "elysia";
import type { ArchiveRules } from "#shared/archive/canonical-archive.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { FinishedJob } from "./finished-job.ts";
import type { JobPlan } from "./job-plan.ts";
import type { HotkeyScore, Score } from "./score.ts";
import type { Submissions } from "./store/submissions.ts";
import type { Upload } from "./upload.ts";

/** A stored submission, of which a job is made. */
export interface SubmissionContent {
  readonly id: string;
  readonly hotkey: string;
  /** The bytes that `accept` returned. */
  readonly content: Uint8Array;
}

export interface ChallengeContext<Settings> {
  readonly slug: string;
  readonly settings: Settings;
  readonly submissions: Submissions;
  readonly log: Logger;
}

/**
 * Everything that makes one challenge differ from another. The SDK does the rest: the routes of the contract, durable
 * submissions, jobs, retries and deadlines.
 *
 * @example
 * export const lottery = defineChallenge({
 *   version: "1.0.0",
 *   capabilities: ["get_weights"],
 *   settings: Type.Object({}),
 *   archives: { forms: ["zip"], macos_files: "drop" },
 *   job: ({ content }) => ({
 *     image: "example/dice:1",
 *     command: ["/roll"],
 *     timeout_seconds: 60,
 *     inputs: [{ target: "/submission", archive: content }],
 *     outputs: ["/output"],
 *   }),
 *   async score(job) {
 *     const [roll] = await job.outputFiles("/output", ["roll.txt"], 64);
 *     return { score: Number(roll ?? 0), details: {} };
 *   },
 * });
 */
export interface ChallengeDefinition<S extends TObject> {
  /** `challenge_version` of the contract. */
  readonly version: string;
  readonly capabilities: readonly string[];
  /** Settings of its own; name each with `FromEnvironment`. */
  readonly settings: S;
  /** What archives of miners may be beyond a plain or gzipped tar of files and directories, where there is no `accept`. */
  readonly archives?: Partial<ArchiveRules>;
  /**
   * Looks at an upload and answers what to keep of it. Throw a ProblemError to refuse it: its sentence goes to the miner.
   * Without it an upload has to be an archive, and is checked by `acceptArchive`, which is there for an `accept` too.
   */
  accept?(upload: Upload, context: ChallengeContext<Static<S>>): Uint8Array | Promise<Uint8Array>;
  /** The job that evaluates a submission. May be called again after a crash. */
  job(submission: SubmissionContent, context: ChallengeContext<Static<S>>): JobPlan | Promise<JobPlan>;
  /** What a job that ended well is worth. Throw a SubmissionFault when the miner is to blame; anything else blames the challenge. */
  score(job: FinishedJob, context: ChallengeContext<Static<S>>): Score | Promise<Score>;
  /** The weights of get_weights; without it every hotkey weighs its best score. Nothing but finite weights above 0 is answered. */
  weights?(best: readonly HotkeyScore[], context: ChallengeContext<Static<S>>): Readonly<Record<string, number>>;
  /** Further public routes, below /v1 for example. */
  routes?(context: ChallengeContext<Static<S>>): AnyElysia;
}

/** Gives `definition` its types. `runChallenge` runs it. */
export function defineChallenge<S extends TObject>(definition: ChallengeDefinition<S>): ChallengeDefinition<S> {
  return definition;
}
