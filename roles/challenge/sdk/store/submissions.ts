import type { Database } from "bun:sqlite";
import type { Clock } from "#shared/time/clock.ts";
import { type Received, receive, type StoredUpload } from "./receive.ts";
import { forgetOld } from "./retention.ts";
import { type SubmissionReads, submissionReads } from "./submission-reads.ts";
import { type SubmissionWrites, submissionWrites } from "./submission-writes.ts";

/** Submissions and their way from received over evaluating to scored or failed; every write is on disk when it returns. */
export interface Submissions extends SubmissionReads, SubmissionWrites {
  /** Stores an upload with what is kept of it; the same hotkey and nonce again is the submission stored first. */
  receive(upload: StoredUpload, content: Uint8Array): Received;
  /** Applies the retention rules; answers how many rows went. */
  forgetOld(): number;
}

export function createSubmissions(database: Database, clock: Clock): Submissions {
  // Immediate: a transaction that reads before it writes fails as busy otherwise.
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
