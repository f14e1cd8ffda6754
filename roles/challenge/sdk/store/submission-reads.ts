import type { Database } from "bun:sqlite";
import type { Clock } from "#shared/time/clock.ts";
import type { HotkeyScore } from "../score.ts";
import type { Submission } from "./submission.ts";

export interface SubmissionReads {
  byId(id: string): Submission | null;
  content(id: string): Uint8Array | null;
  /** The newest first, those before the ID `before`. */
  page(
    filter: { readonly hotkey?: string | undefined; readonly before?: string | undefined },
    rows: number,
  ): Submission[];
  /** The best score of each hotkey, highest first. Equal scores are in the order of arrival. */
  best(rows: number): HotkeyScore[];
  countByState(): Record<string, number>;
  /** Unfinished submissions that are due, those with a job first. */
  due(rows: number): Submission[];
  /** When the next unfinished submission is due, milliseconds since the Unix epoch. */
  nextTurnMs(): number | null;
}

export function submissionReads(database: Database, clock: Clock): SubmissionReads {
  const many = (sql: string, ...values: (string | number | null)[]) =>
    database.query<Submission, typeof values>(sql).all(...values);
  return {
    byId: (id) => database.query<Submission, [string]>("select * from submissions where id = ?").get(id),
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
  };
}
