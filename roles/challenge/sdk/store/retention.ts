import type { Database } from "bun:sqlite";
import { limits } from "#shared/schemas/limits.ts";

const l = limits.challenge_sdk;

/** Deletes old contents, and old finished submissions except each hotkey's best. Call it within a transaction. @returns how many submissions were deleted */
export function forgetOld(database: Database, now: number): number {
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
}
