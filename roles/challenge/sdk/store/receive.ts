import type { Database } from "bun:sqlite";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Upload } from "../upload.ts";
import type { Submission } from "./submission.ts";

const l = limits.challenge_sdk;

export type Received =
  | { readonly kind: "new" | "known"; readonly submission: Submission }
  | { readonly kind: "too_many_pending" | "full" };

export type StoredUpload = Upload & { readonly nonce: string; readonly sha256: string };

/** Stores an upload and its kept content, unless it is known or exceeds a bound. To be called within a transaction. */
export function receive(database: Database, clock: Clock, upload: StoredUpload, content: Uint8Array): Received {
  const one = (sql: string, ...values: string[]) => database.query<Submission, string[]>(sql).get(...values);
  const count = (sql: string, ...values: string[]) =>
    database.query<{ n: number }, string[]>(sql).get(...values)?.n ?? 0;
  const known = one("select * from submissions where hotkey = ? and nonce = ?", upload.hotkey, upload.nonce);
  if (known) return { kind: "known", submission: known };
  const unfinished = "select count(*) as n from submissions where hotkey = ? and state in ('received', 'evaluating')";
  if (count(unfinished, upload.hotkey) >= l.pending_per_hotkey_max) return { kind: "too_many_pending" };
  if (count("select count(*) as n from submissions") >= l.submissions_max) return { kind: "full" };
  const [id, now] = [Bun.randomUUIDv7(), clock.now()];
  const { hotkey, nonce, uid, sha256, filename, content_type, body } = upload;
  database
    .query(
      `insert into submissions (id, hotkey, nonce, uid, sha256, filename, content_type, size_bytes, state,
         received_at_ms, updated_at_ms, deadline_at_ms, next_try_at_ms) values (?, ?, ?, ?, ?, ?, ?, ?, 'received', ?, ?, ?, ?)`,
    )
    .run(id, hotkey, nonce, uid, sha256, filename, content_type, body.length, now, now, now + l.received_ms_max, now);
  database.query("insert into contents values (?, ?)").run(id, content);
  const submission = one("select * from submissions where id = ?", id);
  if (!submission) throw new Error("a row is gone within its own transaction");
  return { kind: "new", submission };
}
