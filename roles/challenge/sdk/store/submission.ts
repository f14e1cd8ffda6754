import type { Fault } from "#shared/schemas/job.ts";

export type SubmissionState = "received" | "evaluating" | "scored" | "failed";

/** A row of the table `submissions`. */
export interface Submission {
  readonly id: string;
  readonly hotkey: string;
  readonly nonce: string;
  readonly uid: number | null;
  readonly sha256: string;
  readonly filename: string;
  readonly content_type: string;
  readonly size_bytes: number;
  readonly state: SubmissionState;
  /** Counts from 1; part of the idempotency key of the job. */
  readonly attempt: number;
  /** The body of `POST /v1/jobs`, stored before it is sent. */
  readonly job_spec: string | null;
  readonly job_id: string | null;
  readonly job_state: string | null;
  readonly node_class: string | null;
  readonly score: number | null;
  readonly details: string | null;
  readonly fault: Fault | null;
  readonly failure_code: string | null;
  readonly failure_detail: string | null;
  readonly received_at_ms: number;
  readonly updated_at_ms: number;
  readonly deadline_at_ms: number;
  readonly next_try_at_ms: number;
}

/** What everybody may read of a submission. */
export function publicSubmission(submission: Submission) {
  const { id, hotkey, filename, sha256, size_bytes, state, score, details, attempt, job_id, fault } = submission;
  return {
    id,
    hotkey,
    filename,
    sha256,
    size_bytes,
    status: state,
    score,
    details: details === null ? null : (JSON.parse(details) as unknown),
    failure: fault && { fault, code: submission.failure_code, detail: submission.failure_detail },
    attempts: attempt,
    job: job_id && { id: job_id, state: submission.job_state, node_class: submission.node_class },
    received_at: new Date(submission.received_at_ms).toISOString(),
    updated_at: new Date(submission.updated_at_ms).toISOString(),
  };
}
