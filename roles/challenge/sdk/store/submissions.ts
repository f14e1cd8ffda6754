import type { Database } from "bun:sqlite";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Fault, Job } from "../broker/job.ts";
import type { HotkeyScore, Score, Upload } from "../define-challenge.ts";
import type { Submission } from "./submission.ts";

const l = limits.challenge_sdk;

export type Received =
  | { readonly kind: "new" | "known"; readonly submission: Submission }
  | { readonly kind: "too_many_pending" | "full" };

export interface Failure {
  readonly fault: Fault;
  readonly code: string;
  readonly detail: string;
}

/** Submissions and their way from received over evaluating to scored or failed; every write is on disk when it returns. */
export interface Submissions {
  /** Stores an upload with what is kept of it; the same hotkey and nonce again is the submission stored first. */
  receive(upload: Upload & { readonly nonce: string; readonly sha256: string }, content: Uint8Array): Received;
  byId(id: string): Submission | null;
  content(id: string): Uint8Array | null;
  /** Newest first, `before` an id. */
  page(
    filter: { readonly hotkey?: string | undefined; readonly before?: string | undefined },
    rows: number,
  ): Submission[];
  /** The best score of each hotkey, the best first; equal ones in the order of their arrival. */
  best(rows: number): HotkeyScore[];
  countByState(): Record<string, number>;
  /** Unfinished ones whose turn it is, those with a job first. */
  due(rows: number): Submission[];
  /** When the next unfinished one has its turn. */
  nextTurnMs(): number | null;

  planned(id: string, job_spec: string): void;
  accepted(id: string, job: Job, deadline_ms: number): void;
  progressed(id: string, job: Job): void;
  scored(id: string, score: Score): void;
  failed(id: string, failure: Failure): void;
  /** Back to received for another attempt after `pause_ms`. */
  again(submission: Submission, pause_ms: number): void;
  /** Applies the retention rules; answers how many rows went. */
  forgetOld(): number;
}

export function createSubmissions(database: Database, clock: Clock): Submissions {
  const one = (sql: string, ...values: (string | number | null)[]) =>
    database.query<Submission, typeof values>(sql).get(...values);
  const many = (sql: string, ...values: (string | number | null)[]) =>
    database.query<Submission, typeof values>(sql).all(...values);
  const count = (sql: string, ...values: string[]) =>
    database.query<{ n: number }, string[]>(sql).get(...values)?.n ?? 0;
  const byId = (id: string) => one("select * from submissions where id = ?", id);

  function update(id: string, columns: Readonly<Record<string, string | number | null>>): void {
    const set = Object.keys(columns).map((column) => `${column} = ?`);
    const sql = `update submissions set ${set.join(", ")}, updated_at_ms = ? where id = ? and state in ('received', 'evaluating')`;
    const { changes } = database.query(sql).run(...Object.values(columns), clock.now(), id);
    if (changes !== 1) throw new Error(`submission ${id} has ended already`);
  }

  const receive = database.transaction((...[upload, content]: Parameters<Submissions["receive"]>): Received => {
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
    const submission = byId(id);
    if (!submission) throw new Error("a row is gone within its own transaction");
    return { kind: "new", submission };
  });

  const forgetOld = database.transaction(() => {
    const now = clock.now();
    const finished = "state in ('scored', 'failed') and updated_at_ms <";
    database
      .query(`delete from contents where submission_id in (select id from submissions where ${finished} ?)`)
      .run(now - l.content_retention_ms_max);
    return database
      .query(
        `delete from submissions where ${finished} ? and id not in (
           select id from (select id, row_number() over (partition by hotkey order by score desc, id) as place
                           from submissions where state = 'scored') where place = 1)`,
      )
      .run(now - l.retention_ms_max).changes;
  });

  return {
    receive: (upload, content) => receive.immediate(upload, content),
    byId,
    content: (id) =>
      database.query<{ bytes: Uint8Array }, [string]>("select bytes from contents where submission_id = ?").get(id)
        ?.bytes ?? null,
    page: ({ hotkey, before }, rows) =>
      many(
        "select * from submissions where (?1 is null or hotkey = ?1) and (?2 is null or id < ?2) order by id desc limit ?3",
        hotkey ?? null,
        before ?? null,
        rows,
      ),
    best: (rows) =>
      database
        .query<HotkeyScore, [number]>(
          `select hotkey, id as submission_id, score from (
             select hotkey, id, score, row_number() over (partition by hotkey order by score desc, id) as place
             from submissions where state = 'scored') where place = 1 order by score desc, id limit ?`,
        )
        .all(rows),
    countByState: () =>
      Object.fromEntries(
        database
          .query<{ state: string; n: number }, []>("select state, count(*) as n from submissions group by state")
          .all()
          .map(({ state, n }) => [state, n]),
      ),
    due: (rows) =>
      many(
        "select * from submissions where state in ('received', 'evaluating') and next_try_at_ms <= ? order by state, next_try_at_ms, id limit ?",
        clock.now(),
        rows,
      ),
    nextTurnMs: () =>
      database
        .query<{ at: number | null }, []>(
          "select min(next_try_at_ms) as at from submissions where state in ('received', 'evaluating')",
        )
        .get()?.at ?? null,

    planned: (id, job_spec) => update(id, { job_spec }),
    accepted: (id, job, deadline_ms) =>
      update(id, {
        state: "evaluating",
        job_id: job.id,
        job_state: job.state,
        node_class: job.node_class ?? null,
        deadline_at_ms: clock.now() + deadline_ms,
      }),
    progressed: (id, job) => update(id, { job_state: job.state, node_class: job.node_class ?? null }),
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
    forgetOld: () => forgetOld.immediate(),
  };
}
