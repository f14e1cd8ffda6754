import type { Static, TObject } from "@sinclair/typebox";
import { hasEnded } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import type { Broker } from "./broker/broker-client.ts";
import { BrokerRefusal } from "./broker/broker-error.ts";
import type { Job } from "./broker/job.ts";
import type { ChallengeContext, ChallengeDefinition } from "./define-challenge.ts";
import { finishedJob } from "./finished-job.ts";
import { type JobSpec, jobSpecOf } from "./job-plan.ts";
import type { Score } from "./score.ts";
import type { Submission } from "./store/submission.ts";
import type { Failure } from "./store/submission-writes.ts";
import { SubmissionFault } from "./submission-fault.ts";

const l = limits.challenge_sdk;
const poll_ms_min = 1_000;

export interface EvaluationParts<S extends TObject> {
  readonly definition: ChallengeDefinition<S>;
  readonly context: ChallengeContext<Static<S>>;
  readonly broker: Broker;
  readonly clock: Clock;
}

/**
 * Brings one submission as far as it can go. Each step is recorded when it is done, and is safe to repeat: a job is asked for
 * under a key of submission and attempt, with a body that was stored before it was first sent.
 */
export async function evaluate<S extends TObject>(
  submission: Submission,
  parts: EvaluationParts<S>,
  stop: AbortSignal,
): Promise<void> {
  const { log } = parts.context;
  const left_ms = submission.deadline_at_ms - parts.clock.now();
  // The result may have come while the challenge was down: it gets a last chance, even after the deadline.
  const ms = Math.max(left_ms, l.last_chance_ms);
  await withDeadline(parts.clock, ms, async (deadline) => {
    const signal = AbortSignal.any([stop, deadline]);
    try {
      signal.throwIfAborted();
      if (submission.state === "received") await submit(submission, parts, signal);
      else await follow(submission, parts, signal);
    } catch (error) {
      if (stop.aborted) return;
      if (deadline.aborted) await giveUpJob(submission, parts.broker, stop);
      const failure = deadline.aborted ? lateFailure(submission) : failureOf(error);
      if (failure.fault !== "submission")
        log.warn(
          { err: error, submission: submission.id, attempt: submission.attempt },
          "the evaluation of a submission failed",
        );
      settle(submission, failure, parts);
    }
  });
}

async function submit<S extends TObject>(submission: Submission, parts: EvaluationParts<S>, signal: AbortSignal) {
  const { submissions } = parts.context;
  const spec = submission.job_spec === null ? await planJob(submission, parts, signal) : specOf(submission.job_spec);
  const key = `${submission.id}-${submission.attempt}`;
  const job = await parts.broker.createJob(spec, key, signal);
  submissions.accepted(submission.id, job, l.evaluating_ms_max + spec.timeout_seconds * 1_000);
}

async function planJob<S extends TObject>(
  { id, hotkey }: Submission,
  { definition, context, broker }: EvaluationParts<S>,
  signal: AbortSignal,
): Promise<JobSpec> {
  const content = context.submissions.content(id);
  if (content === null) throw new Error("the submission's content is gone");
  const plan = await definition.job({ id, hotkey, content }, context);
  const blobs: string[] = [];
  for (const { archive } of plan.inputs) blobs.push(await putInput(broker, archive, content, signal));
  const spec = jobSpecOf(plan, id, blobs);
  context.submissions.planned(id, JSON.stringify(spec));
  return spec;
}

/** What the platform refuses of the submission itself is its miner's to mend; of anything else, the challenge's. */
async function putInput(
  broker: Broker,
  archive: Uint8Array,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await broker.putArchive(archive, signal);
  } catch (error) {
    if (!(error instanceof BrokerRefusal) || !/_mount_archive$/.test(error.code)) throw error;
    if (!Buffer.from(archive).equals(content)) throw error;
    throw new SubmissionFault("archive_refused", error.message);
  }
}

async function follow<S extends TObject>(submission: Submission, parts: EvaluationParts<S>, signal: AbortSignal) {
  const { context, definition, broker } = parts;
  const job = await endOf(submission, parts, signal);
  if (job.state !== "succeeded") throw new JobFailure(job);
  const spec = specOf(submission.job_spec);
  const score = await definition.score(finishedJob(submission, { job, spec }, broker, signal), context);
  context.submissions.scored(submission.id, acceptable(score));
}

/** Waits until the job has ended, and records its states on the way. */
async function endOf<S extends TObject>(
  { id, job_id, job_state }: Submission,
  { broker, clock, context }: EvaluationParts<S>,
  signal: AbortSignal,
): Promise<Job> {
  if (job_id === null) throw new Error("an evaluating submission without a job");
  let seen = job_state;
  for (;;) {
    const started = clock.monotonic();
    const job = await broker.waitForChange(job_id, signal);
    if (job.state !== seen) context.submissions.progressed(id, job);
    if (hasEnded(job)) return job;
    // A broker that answers at once must not be asked in a tight loop.
    if (job.state === seen) await clock.sleep(Math.max(0, poll_ms_min - (clock.monotonic() - started)), signal);
    seen = job.state;
  }
}

function acceptable({ score, details }: Score): Score {
  if (!Number.isFinite(score) || score < 0) throw new Error("a score must be finite and not negative");
  if (JSON.stringify(details).length > l.details_bytes_max) throw new Error("a score's details are too long");
  return { score, details };
}

/** Starts another attempt when the miner is not to blame and attempts are left. Otherwise the submission fails. */
function settle<S extends TObject>(
  submission: Submission,
  failure: Failure,
  { context: { submissions } }: EvaluationParts<S>,
): void {
  const isFinal =
    failure.fault === "submission" || failure.code === "challenge_error" || submission.attempt >= l.attempts_max;
  if (isFinal) submissions.failed(submission.id, failure);
  else submissions.again(submission, l.attempt_pause_ms * 2 ** (submission.attempt - 1));
}

class JobFailure extends Error {
  readonly job: Job;
  constructor(job: Job) {
    super(`the job ended as ${job.state}`);
    this.job = job;
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof SubmissionFault) return { fault: "submission", code: error.code, detail: error.message };
  if (error instanceof JobFailure) {
    const { job } = error;
    const exit = job.exit_code !== null ? ` with exit code ${job.exit_code}` : "";
    return { fault: job.fault ?? "platform", code: job.reason?.name ?? job.state, detail: `${error.message}${exit}` };
  }
  if (error instanceof BrokerRefusal) {
    // 404: the platform lost the job. Any other refusal is about what the challenge asked for.
    const fault = error.status === 404 ? "platform" : "challenge";
    return { fault, code: error.code, detail: "the platform refused the evaluation" };
  }
  // A defect of the challenge: another job would fail in the same way.
  return { fault: "challenge", code: "challenge_error", detail: "the challenge could not evaluate the submission" };
}

function lateFailure({ state }: Submission): Failure {
  return { fault: "platform", code: `${state}_deadline`, detail: `the submission was ${state} for too long` };
}

/** Cancels the job, if that works: the broker's own deadlines end it in any case. */
async function giveUpJob({ job_id }: Submission, broker: Broker, stop: AbortSignal): Promise<void> {
  if (job_id === null) return;
  const signal = AbortSignal.any([stop, AbortSignal.timeout(l.broker_call_ms_max)]);
  await Promise.allSettled([broker.cancel(job_id, signal)]);
}

function specOf(text: string | null): JobSpec {
  if (text === null) throw new Error("a job without its specification");
  return JSON.parse(text) as JobSpec;
}
