import type { Database, Transaction } from "#shared/database/database.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Artifact, JobStateName, SkippedOutputs } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { SkippedNames } from "#shared/schemas/stager.ts";
import type { ClockOffset } from "#shared/time/clock-offset.ts";
import type { Job, JobIn } from "../job/job.ts";
import { rowOf, rowToJob } from "./job-row.ts";
import { type QueueReads, queueReads } from "./queue-reads.ts";

/** A checked and prepared job that is not written down yet. */
export interface NewJob {
  readonly job: JobIn<"queued">;
  readonly idempotency_key: string | null;
  /** Blobs that were uploaded inline with the job. */
  readonly addedBlobs: readonly { readonly digest: string; readonly size_bytes: number }[];
  readonly clock_offset: ClockOffset;
  readonly queued_max: number;
  /** Null: the job waits in the queue. A number: it is refused when the challenge has so many active jobs. */
  readonly active_max: number | null;
  /** True when a client waits for the result, which is then kept until it was delivered. */
  readonly is_run_call: boolean;
}

export interface Accepted {
  readonly job: Job;
  readonly isNew: boolean;
}

export interface JobQuery {
  readonly challenge: string;
  readonly state?: JobStateName | undefined;
  readonly job_id?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** What a challenge's requests read and write. `dispatch-store.ts` is the dispatcher's part. */
export interface JobStore extends Pick<QueueReads, "rank" | "uses" | "countQueued" | "pace"> {
  /** The job with this idempotency key, or null. @throws ProblemError 409 "idempotency_conflict" when its content differs */
  sameKey(job: NewJob): Promise<Accepted | null>;
  /**
   * Writes the job down; it is durable when this resolves.
   *
   * @throws ProblemError 409 "idempotency_conflict" when the key has another job; 429 "docker_quota_exceeded" at the cap
   */
  accept(job: NewJob): Promise<Accepted>;
  byId(challenge: string, id: string): Promise<Job | null>;
  anyById(id: string): Promise<Job | null>;
  list(query: JobQuery): Promise<Job[]>;
  queued(challenge: string): Promise<number>;
  /** Asks for the job's cancellation. @returns whether the job was live */
  askCancel(challenge: string, id: string): Promise<boolean>;
  askCancelGroup(challenge: string, jobId: string): Promise<string[]>;
  /** @param skipped what the mount held that is not in its artifact: with any of it the artifacts are not complete */
  addArtifact(id: string, artifact: Artifact, skipped: SkippedNames): Promise<Artifact>;
  recordBlob(challenge: string, digest: string, size_bytes: number, now_ms: number): Promise<void>;
  hasBlob(challenge: string, digest: string): Promise<boolean>;
  blobBytes(challenge: string): Promise<number>;
  /** Jobs that have not ended, newest first. */
  live(challenge: string, jobId: string | null, limit: number): Promise<Job[]>;
  /** Run calls of this content whose answer was not delivered, without cancelled ones: first those that have ended, then by age. */
  undelivered(same: Pick<Job, "challenge" | "job_id" | "task_id" | "spec_digest">): Promise<Job[]>;
  markDelivered(id: string, now_ms: number): Promise<void>;
}

export function createJobStore(sql: Database): JobStore {
  const one = async (rows: Promise<readonly unknown[]>) => {
    const [row] = await rows;
    return row ? rowToJob(row as Record<string, unknown>) : null;
  };
  return {
    sameKey: (asked) => sameKey(sql, asked),
    accept: (asked) => accept(sql, asked),
    byId: (challenge, id) => one(sql`select * from jobs where challenge = ${challenge} and id = ${id}`),
    anyById: (id) => one(sql`select * from jobs where id = ${id}`),
    async list({ challenge, state, job_id, cursor, limit }) {
      const rows = await sql`select * from jobs where challenge = ${challenge}
        ${state ? sql`and state = ${state}` : sql``} ${job_id === undefined ? sql`` : sql`and job_id = ${job_id}`}
        ${cursor ? sql`and id < ${cursor}` : sql``} order by id desc limit ${limit}`;
      return rows.map((row) => rowToJob(row));
    },
    async queued(challenge) {
      const [row] =
        await sql`select count(*)::int as queued from jobs where challenge = ${challenge} and state = 'queued'`;
      return (row?.["queued"] as number) ?? 0;
    },
    async askCancel(challenge, id) {
      const rows = await sql`update jobs set is_cancel_asked = true
        where challenge = ${challenge} and id = ${id} and ended_at is null returning id`;
      return rows.length > 0;
    },
    async askCancelGroup(challenge, jobId) {
      const rows = await sql`update jobs set is_cancel_asked = true
        where challenge = ${challenge} and job_id = ${jobId} and ended_at is null returning id`;
      return rows.map((row) => row["id"] as string);
    },
    addArtifact: (id, artifact, skipped) => addArtifact(sql, id, artifact, skipped),
    ...blobRows(sql),
    ...queueReads(sql),
    async live(challenge, jobId, limit) {
      const rows = await sql`select * from jobs where challenge = ${challenge} and ended_at is null
        ${jobId === null ? sql`` : sql`and job_id = ${jobId}`} order by id desc limit ${limit}`;
      return rows.map((row) => rowToJob(row));
    },
    async undelivered({ challenge, job_id, task_id, spec_digest }) {
      const rows = await sql`select * from jobs where challenge = ${challenge} and job_id = ${job_id}
        and task_id is not distinct from ${task_id} and spec_digest = ${spec_digest} and is_run_call
        and delivered_at is null and not is_cancel_asked and state <> 'cancelled' order by ended_at, id limit 100`;
      return rows.map((row) => rowToJob(row));
    },
    async markDelivered(id, now_ms) {
      await sql`update jobs set delivered_at = ${new Date(now_ms)} where id = ${id}`;
    },
  };
}

async function sameKey(sql: Database | Transaction, { job, idempotency_key }: NewJob): Promise<Accepted | null> {
  const [known] =
    await sql`select * from jobs where challenge = ${job.challenge} and idempotency_key = ${idempotency_key}`;
  if (!known) return null;
  if (known["spec_digest"] === job.spec_digest) return { job: rowToJob(known), isNew: false };
  throw new ProblemError(409, "idempotency_conflict", "This Idempotency-Key was used for a job with another content.");
}

async function accept(sql: Database, asked: NewJob): Promise<Accepted> {
  return await sql.begin(async (tx) => {
    const { job, idempotency_key, is_run_call, clock_offset, active_max } = asked;
    const { challenge, spec, accepted_ms } = job;
    if (active_max !== null) await requireActive(tx, challenge, active_max);
    const used = spec.mounts.flatMap(({ blob }) => (blob ? [{ job: job.id, digest: blob }] : []));
    const sizes = new Map(asked.addedBlobs.map(({ digest, size_bytes }) => [digest, size_bytes]));
    const used_at = new Date(accepted_ms);
    const added = [...sizes].map(([digest, size_bytes]) => ({ challenge, digest, size_bytes, used_at }));
    // Sent together, in one round trip to the database.
    const [[row]] = await Promise.all([
      tx`insert into jobs ${tx({ ...rowOf(tx, job), idempotency_key, is_run_call, ...clock_offset } as never)}
        on conflict (challenge, idempotency_key) where idempotency_key is not null do nothing returning id`,
      ...(added.length > 0
        ? [
            tx`insert into blobs ${tx(added)}
        on conflict (challenge, digest) do update set used_at = excluded.used_at`,
          ]
        : []),
    ]);
    if (!row) {
      const known = await sameKey(tx, asked);
      if (known) return known;
      throw new Error("the job was neither stored nor found by its idempotency key");
    }
    if (used.length > 0) await tx`insert into blob_uses ${tx(used)} on conflict do nothing`;
    return { job, isNew: true };
  });
}

function blobRows(sql: Database): Pick<JobStore, "recordBlob" | "hasBlob" | "blobBytes"> {
  return {
    async recordBlob(challenge, digest, size_bytes, now_ms) {
      await sql`insert into blobs (challenge, digest, size_bytes, used_at) values (${challenge}, ${digest}, ${size_bytes}, ${new Date(now_ms)})
        on conflict (challenge, digest) do update set used_at = excluded.used_at`;
    },
    async hasBlob(challenge, digest) {
      return (await sql`select 1 from blobs where challenge = ${challenge} and digest = ${digest}`).length > 0;
    },
    async blobBytes(challenge) {
      const [row] =
        await sql`select coalesce(sum(size_bytes), 0)::float8 as bytes from blobs where challenge = ${challenge}`;
      return row?.["bytes"] as number;
    },
  };
}

async function requireActive(tx: Transaction, challenge: string, active_max: number): Promise<void> {
  const [row] = await tx`select count(*)::int as active from jobs where challenge = ${challenge} and ended_at is null`;
  const active = (row?.["active"] as number) ?? 0;
  if (active < active_max) return;
  const detail = `docker_quota_exceeded: challenge '${challenge}' is at its concurrency cap (${active}/${active_max} active workloads)`;
  throw new ProblemError(429, "docker_quota_exceeded", detail, { headers: { "retry-after": "5" } });
}

/** Records the first complete upload of a mount. A later upload is answered with the first. */
async function addArtifact(sql: Database, id: string, artifact: Artifact, skipped: SkippedNames): Promise<Artifact> {
  return await sql.begin(async (tx) => {
    const [row] = await tx`select artifacts, artifacts_skipped, state from jobs where id = ${id} for update`;
    const artifacts = (row?.["artifacts"] ?? []) as Artifact[];
    const known = artifacts.find(({ mount }) => mount === artifact.mount);
    if (known) return known;
    if (row?.["state"] !== "collecting")
      throw new ProblemError(410, "transfer_over", "The job no longer takes outputs.");
    const before = row["artifacts_skipped"] as SkippedOutputs;
    const told = skipped.first.map((one) => ({ mount: artifact.mount, ...one }));
    const after: SkippedOutputs = {
      count: before.count + skipped.count,
      first: [...before.first, ...told].slice(0, limits.jobs.skipped_told_max),
    };
    await tx`update jobs set artifacts = ${tx.json([...artifacts, artifact] as never)},
      artifacts_skipped = ${tx.json(after as never)}, artifacts_complete = artifacts_complete and ${skipped.count === 0}
      where id = ${id}`;
    await tx`insert into blob_uses (job, digest) values (${id}, ${artifact.digest}) on conflict do nothing`;
    return artifact;
  });
}
