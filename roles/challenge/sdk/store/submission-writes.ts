import type { Database } from "bun:sqlite";
import type { Fault } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Job } from "../broker/job.ts";
import type { Score } from "../score.ts";
import type { Submission } from "./submission.ts";

const l = limits.challenge_sdk;

export interface Failure {
  readonly fault: Fault;
  readonly code: string;
  readonly detail: string;
}

/** The steps of a submission. @throws Error from each when the submission has ended already */
export interface SubmissionWrites {
  planned(id: string, job_spec: string): void;
  accepted(id: string, job: Job, deadline_ms: number): void;
  progressed(id: string, job: Job): void;
  scored(id: string, score: Score): void;
  failed(id: string, failure: Failure): void;
  /** Back to received for another attempt after `pause_ms`. */
  again(submission: Submission, pause_ms: number): void;
}

export function submissionWrites(database: Database, clock: Clock): SubmissionWrites {
  function update(id: string, columns: Readonly<Record<string, string | number | null>>): void {
    const set = Object.keys(columns).map((column) => `${column} = ?`);
    const sql = `update submissions set ${set.join(", ")}, updated_at_ms = ? where id = ? and state in ('received', 'evaluating')`;
    const { changes } = database.query(sql).run(...Object.values(columns), clock.now(), id);
    if (changes !== 1) throw new Error(`submission ${id} has ended already`);
  }

  return {
    planned: (id, job_spec) => update(id, { job_spec }),
    accepted: (id, job, deadline_ms) =>
      update(id, {
        state: "evaluating",
        job_id: job.id,
        job_state: job.state,
        node_class: job.node_class,
        deadline_at_ms: clock.now() + deadline_ms,
      }),
    progressed: (id, job) => update(id, { job_state: job.state, node_class: job.node_class }),
    scored: (id, { score, details }) => update(id, { state: "scored", score, details: JSON.stringify(details) }),
    failed: (id, { fault, code, detail }) =>
      update(id, { state: "failed", fault, failure_code: code, failure_detail: detail.slice(0, 1_000) }),
    again: ({ id, attempt }, pause_ms) =>
      update(id, {
        state: "received",
        attempt: attempt + 1,
        job_spec: null,
        job_id: null,
        job_state: null,
        node_class: null,
        next_try_at_ms: clock.now() + pause_ms,
        deadline_at_ms: clock.now() + l.received_ms_max,
      }),
  };
}
