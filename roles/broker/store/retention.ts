import type { Database } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { guard } from "../leader/seat.ts";
import { putLogAway } from "../logs/job-log.ts";
import type { LogFiles } from "../logs/log-files.ts";

export interface Retention {
  readonly sql: Database;
  readonly blobs: BlobStore;
  readonly logs: LogFiles;
  readonly now_ms: number;
  /** The leader's fencing number. Once a later leader has written, nothing is deleted. */
  readonly fencing: number;
  /** How long an ended job is kept, with its events, log and artifacts. */
  readonly finished_job_ms: number;
}

export interface Retired {
  readonly jobs: number;
  readonly blob_rows: number;
  readonly files: number;
  readonly logs: number;
}

const jobs_at_once_max = 1_000;

/**
 * Deletes ended jobs whose time is over, rows of blobs that no job uses, and files without a row or never finished. Clears the
 * folder of logs. A job that still holds capacity, or whose volumes are not removed, stays.
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
  return {
    ...rows,
    files: (await deleteUnnamedFiles(retention)) + (await retention.blobs.removeAbandoned()),
    logs: await clearLogFiles(retention),
  };
}

/**
 * Stores log files that outlived the clean-up of their jobs, because the disk was full or a broker died in between. Deletes
 * the files of stored logs and of deleted jobs.
 */
async function clearLogFiles({ sql, blobs, logs, fencing }: Retention): Promise<number> {
  let count = 0;
  for await (const id of logs.ids()) {
    const [job] = await sql`select log_digest, services_removed_at from jobs where id = ${id}`;
    if (job && job["services_removed_at"] === null) continue;
    if (job && job["log_digest"] === null) {
      const digest = await putLogAway(blobs, logs, id);
      await sql.begin(async (tx) => {
        await guard(tx, fencing);
        await tx`update jobs set log_digest = ${digest} where id = ${id}`;
        await tx`insert into blob_uses (job, digest) values (${id}, ${digest}) on conflict do nothing`;
      });
    }
    await logs.remove(id);
    count += 1;
  }
  return count;
}

/** Deletes files without a row. One younger than `unnamed_file_ms_max` may still get its row from an open transaction. */
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
