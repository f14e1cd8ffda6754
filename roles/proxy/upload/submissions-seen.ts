import type { Database } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";

export interface SubmissionSeen {
  readonly request_id: string;
  readonly netuid: number;
  readonly slug: string;
  readonly hotkey: string;
  readonly uid: number | null;
  readonly body_sha256: string;
  readonly body_bytes: number;
  /** Of the challenge's answer. */
  readonly status: number;
  readonly received_at: Date;
}

/** The record of uploads that reached a challenge. */
export interface SubmissionsSeen {
  add(seen: SubmissionSeen): Promise<void>;
  /** Deletes records older than `limits.proxy.submission_record_kept_ms` at `now`. */
  prune(now: Date): Promise<void>;
}

export function createSubmissionsSeen(sql: Database): SubmissionsSeen {
  const { submission_record_kept_ms, retention_batch_rows_max } = limits.proxy;
  return {
    async add(seen) {
      await sql`insert into submissions_seen ${sql({ ...seen })}`;
    },
    async prune(now) {
      await sql`
        delete from submissions_seen where ctid = any(array(
          select ctid from submissions_seen where received_at < ${new Date(now.getTime() - submission_record_kept_ms)}
          limit ${retention_batch_rows_max}))`;
    },
  };
}
