import type { Database } from "bun:sqlite";
import type { Clock } from "#shared/time/clock.ts";
import { type Received, receive, type StoredUpload } from "./receive.ts";
import { forgetOld } from "./retention.ts";
import { type SubmissionReads, submissionReads } from "./submission-reads.ts";
import { type SubmissionWrites, submissionWrites } from "./submission-writes.ts";

/** Submissions and their steps from received to scored or failed. Every write is on disk when it returns. */
export interface Submissions extends SubmissionReads, SubmissionWrites {
  /** Stores an upload with its kept content. The same hotkey and nonce again give the first submission. */
  receive(upload: StoredUpload, content: Uint8Array): Received;
  /** Applies the retention rules. @returns how many submissions were deleted */
  forgetOld(): number;
}

export function createSubmissions(database: Database, clock: Clock): Submissions {
  // Immediate: else a transaction that reads before it writes can fail as busy.
  const receiving = database.transaction((upload: StoredUpload, content: Uint8Array) =>
    receive(database, clock, upload, content),
  );
  const forgetting = database.transaction(() => forgetOld(database, clock.now()));
  return {
    ...submissionReads(database, clock),
    ...submissionWrites(database, clock),
    receive: (upload, content) => receiving.immediate(upload, content),
    forgetOld: () => forgetting.immediate(),
  };
}
