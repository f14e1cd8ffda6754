import type { BlobStore } from "#shared/blobs/blob-store.ts";
import type { Database } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";
import { guard } from "./lead.ts";

export interface Retention {
  readonly sql: Database;
  readonly blobs: BlobStore;
  readonly now_ms: number;
  /** The leader's fencing number: a later leader's rows are not touched. */
  readonly fencing: number;
  /** How long a finished job is kept, with its events, log and artifacts. */
  readonly finished_job_ms: number;
}

export interface Retired {
  readonly jobs: number;
  readonly blob_rows: number;
  readonly files: number;
}

const jobs_at_once_max = 1_000;

/**
 * Deletes finished jobs whose time is over, then rows of blobs that no job uses, then files that no row names. A job that
 * still holds capacity, or whose volumes are not swept, stays.
 */
export async function retire(retention: Retention): Promise<Retired> {
  const { sql, now_ms, fencing, finished_job_ms } = retention;
  const rows = await sql.begin(async (tx) => {
    await guard(tx, fencing);
    const jobs = await tx`delete from jobs where id in (
      select id from jobs where ended_at < ${new Date(now_ms - finished_job_ms)} and cleaned_at is not null
        and not exists (select 1 from capacity_leases where job = jobs.id) order by ended_at limit ${jobs_at_once_max})`;
    const blobs = await tx`delete from blobs where used_at < ${new Date(now_ms - limits.jobs.unused_blob_ms_max)}
      and not exists (select 1 from blob_uses u join jobs j on j.id = u.job
        where u.digest = blobs.digest and j.challenge = blobs.challenge)`;
    return { jobs: jobs.count, blob_rows: blobs.count };
  });
  return { ...rows, files: await deleteUnnamedFiles(retention) };
}

/** Rows follow their file within a transaction's time: what is younger than `unnamed_file_ms_max` may still get its row. */
async function deleteUnnamedFiles({ sql, blobs, now_ms }: Retention): Promise<number> {
  let count = 0;
  for await (const { digest, stored_at } of blobs.list()) {
    if (now_ms - stored_at.getTime() < limits.jobs.unnamed_file_ms_max) continue;
    const [named] = await sql`select exists (select 1 from blobs where digest = ${digest})
      or exists (select 1 from blob_uses where digest = ${digest}) as is_named`;
    if (named?.["is_named"] !== false) continue;
    if (await blobs.delete(digest)) count += 1;
  }
  return count;
}
