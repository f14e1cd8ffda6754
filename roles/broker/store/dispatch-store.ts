import type { Database, Transaction } from "#shared/database/database.ts";
import { moveOrdersWithClock, type WorkerOrder, workerOrders } from "#shared/database/tables/worker-orders.ts";
import type { FinalState, LiveState } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type ClockOffset, clock_step_ms_min } from "#shared/time/clock-offset.ts";
import type { EndedJob, JobIn, PlacedJob, StoredRequest } from "../job/job.ts";
import type { Outcome } from "../job/outcome.ts";
import { type Changes, ending, type FirstDeadlines, leavingQueue, type Move } from "../job/transition.ts";
import { guard } from "../leader/seat.ts";
import type { Demand, Placement } from "../placement/placement.ts";
import { columnOf, columnsButSpec, liveTimes, rowOf, rowToJob } from "./job-row.ts";
import { type QueueReads, queueReads } from "./queue-reads.ts";

export interface Lease extends Demand {
  readonly job: string;
  readonly node_id: string;
  readonly is_hold: boolean;
}

/**
 * The dispatcher's part of the jobs table. Every write is one transaction, fenced by the leader's number. What a tick reads
 * does not grow with the queue.
 */
export interface DispatchStore extends Pick<QueueReads, "waiting" | "lastStarts"> {
  /** Jobs that have left the queue and not ended. */
  active(): Promise<PlacedJob[]>;
  /** Queued jobs that must end: cancelled, or past their deadline. */
  overdue(now_ms: number): Promise<JobIn<"queued">[]>;
  /** Ended jobs whose services or network may still exist, oldest first. */
  unremoved(): Promise<EndedJob[]>;
  /** Ended jobs whose volumes may still exist, oldest first: ended before `ended_ms`, with a hold, or on a worker that is being emptied. */
  unswept(ended_ms: number): Promise<EndedJob[]>;
  leases(): Promise<Lease[]>;
  /** Workers that are being emptied, and until when their jobs may run. */
  closing(): Promise<ReadonlyMap<string, number>>;
  /** Takes the lease and leaves `queued` in one transaction; null when the job is no longer queued. */
  place(placement: Placement, now_ms: number, deadlines: FirstDeadlines): Promise<PlacedJob | null>;
  /** Moves the job into its next state. @throws Error when the job has ended meanwhile */
  move(job: PlacedJob, to: Move, now_ms: number): Promise<PlacedJob>;
  /** Writes the changes, unless the job has ended: a final result never changes. */
  record(job: PlacedJob, changes: Changes): Promise<PlacedJob>;
  /** Writes the end and gives up the lease, or turns it into a hold. */
  end(
    job: Pick<JobIn<LiveState>, "id">,
    end: { readonly outcome: Outcome; readonly isHeld: boolean },
    now_ms: number,
  ): Promise<void>;
  /** `log_digest` names the stored log of a job whose end cut it short; else null. */
  servicesRemoved(id: string, now_ms: number, log_digest: string | null): Promise<void>;
  /** Marks that nothing of the job is left anywhere, and ends its hold. */
  cleaned(id: string, now_ms: number): Promise<void>;
  /**
   * Moves the times of live jobs and worker orders by as much as the wall clock was set since they were written. A second
   * call changes nothing. Times from before the machine's last boot stay.
   *
   * @returns how many rows were moved
   */
  followClock(offset: ClockOffset): Promise<number>;
  /** Records that Swarm ran the job's service more than once, with all tasks that were seen. Idempotent. */
  stray(job: string, taskIds: readonly string[], now_ms: number): Promise<void>;
}

export function createDispatchStore(sql: Database, fencing: number): DispatchStore {
  return { ...reads(sql), ...queueReads(sql), ...writes(sql, fencing) };
}

type Reads = Pick<DispatchStore, "active" | "overdue" | "unremoved" | "unswept" | "leases" | "closing">;

function reads(sql: Database): Reads {
  const specs = new SpecCache(sql);
  const { rows_max } = limits.jobs.dispatch;
  return {
    active: async () =>
      await specs.complete(
        await sql`select ${sql(columnsButSpec)} from jobs where ended_at is null and state <> 'queued' order by id`,
      ),
    overdue: async (now_ms) =>
      (
        await sql`(select * from jobs where state = 'queued' and deadline_at < ${new Date(now_ms)} limit ${rows_max})
          union (select * from jobs where state = 'queued' and is_cancel_asked limit ${rows_max})`
      ).map((row) => rowToJob<"queued">(row)),
    unremoved: async () =>
      (
        await sql`select * from jobs where ended_at is not null and services_removed_at is null
          order by ended_at limit ${rows_max}`
      ).map((row) => rowToJob<FinalState>(row)),
    async unswept(ended_ms) {
      const rows = await sql`select * from jobs where services_removed_at is not null and cleaned_at is null
          and (ended_at < ${new Date(ended_ms)} or exists (select 1 from capacity_leases where job = jobs.id)
            or node_id = any(${(await closing(sql)).map(({ node_id }) => node_id)}))
          order by ended_at limit ${rows_max}`;
      return rows.map((row) => rowToJob<FinalState>(row));
    },
    leases: async () =>
      (await sql`select * from capacity_leases`).map(
        (row) => ({ ...row, memory_bytes: Number(row["memory_bytes"]) }) as unknown as Lease,
      ),
    closing: async () =>
      new Map((await closing(sql)).map(({ node_id, deadline_at }) => [node_id, deadline_at.getTime()] as const)),
  };
}

/** Kinds of orders that empty a worker. */
async function closing(sql: Database): Promise<WorkerOrder[]> {
  return (await workerOrders(sql)).filter(({ kind }) => kind !== "activate");
}

interface JobEvent {
  readonly job: string;
  readonly kind: string;
  readonly detail: object;
}

async function writeEvent(tx: Transaction, { job, kind, detail }: JobEvent, now_ms: number): Promise<void> {
  await tx`insert into job_events (job, at, kind, detail)
    values (${job}, ${new Date(now_ms)}, ${kind}, ${tx.json(detail as never)})`;
}

async function followClock(tx: Transaction, { boot_id, clock_offset_ms }: ClockOffset): Promise<number> {
  const by = tx`make_interval(secs => (${clock_offset_ms}::float8 - clock_offset_ms) / 1000)`;
  const wasSet = tx`boot_id = ${boot_id} and abs(${clock_offset_ms} - clock_offset_ms) >= ${clock_step_ms_min}`;
  const times = liveTimes.map(columnOf).reduce((done, at) => tx`${done} ${tx(at)} = ${tx(at)} + ${by},`, tx``);
  const jobs = await tx`update jobs set ${times} clock_offset_ms = ${clock_offset_ms}
    where ended_at is null and ${wasSet}`;
  const now = tx`boot_id = ${boot_id}, clock_offset_ms = ${clock_offset_ms}`;
  await tx`update jobs set ${now} where ended_at is null and boot_id is distinct from ${boot_id}`;
  return jobs.count + (await moveOrdersWithClock(tx, { boot_id, clock_offset_ms }));
}

function writes(sql: Database, fencing: number): Omit<DispatchStore, keyof Reads | keyof QueueReads> {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    sql.begin(async (tx) => {
      await guard(tx, fencing);
      return await work(tx);
    }) as Promise<T>;
  return {
    place: ({ id, node, data_volumes }, now_ms, deadlines) =>
      write(async (tx) => {
        const [queued] = await tx`select spec->'mounts' <> '[]'::jsonb as has_mounts from jobs
          where id = ${id} and state = 'queued' and not is_cancel_asked for update`;
        if (!queued) return null;
        const { node_id, node_class } = node;
        const placed = { node_id, node_class, data_volumes, intent_fencing: fencing };
        const changes = { ...placed, ...leavingQueue(queued["has_mounts"] as boolean, now_ms, deadlines) };
        const [row] = await tx`update jobs set ${tx(rowOf(tx, changes))} where id = ${id} returning *`;
        const job = rowToJob<PlacedJob["state"]>(row ?? {});
        await tx`insert into capacity_leases (job, node_id, cpus, memory_bytes, gpu_count, taken_at)
          values (${id}, ${node_id}, ${job.cpus}, ${job.memory_bytes}, ${job.gpu_count}, ${new Date(now_ms)})`;
        await writeEvent(tx, { job: id, kind: job.state, detail: { node: node.hostname } }, now_ms);
        return job;
      }),
    move: ({ id }, to, now_ms) =>
      write(async (tx) => {
        const [row] = await tx`update jobs set ${tx(rowOf(tx, { ...to, intent_fencing: fencing }))}
          where id = ${id} and ended_at is null returning *`;
        if (!row) throw new Error(`job ${id} cannot change its state: it has ended already`);
        await writeEvent(tx, { job: id, kind: to.state, detail: {} }, now_ms);
        return rowToJob<PlacedJob["state"]>(row);
      }),
    record: (job, changes) =>
      write(async (tx) => {
        const [row] =
          await tx`update jobs set ${tx(rowOf(tx, changes))} where id = ${job.id} and ended_at is null returning *`;
        if (row && changes.log_digest)
          await tx`insert into blob_uses (job, digest) values (${job.id}, ${changes.log_digest}) on conflict do nothing`;
        return row ? rowToJob<PlacedJob["state"]>(row) : job;
      }),
    end: ({ id }, { outcome, isHeld }, now_ms) =>
      write(async (tx) => {
        const [live] = await tx`select exit_code from jobs where id = ${id} and ended_at is null for update`;
        if (!live) return;
        const changes = ending({ exit_code: live["exit_code"] as number | null }, outcome, now_ms);
        await tx`update jobs set ${tx(rowOf(tx, changes))} where id = ${id}`;
        if (isHeld) await tx`update capacity_leases set is_hold = true where job = ${id}`;
        else await tx`delete from capacity_leases where job = ${id}`;
        await writeEvent(tx, { job: id, kind: outcome.state, detail: { reason: outcome.reason } }, now_ms);
      }),
    servicesRemoved: (id, now_ms, log_digest) =>
      write(async (tx) => {
        await tx`update jobs set services_removed_at = ${new Date(now_ms)},
          log_digest = coalesce(log_digest, ${log_digest}) where id = ${id}`;
        if (log_digest)
          await tx`insert into blob_uses (job, digest) values (${id}, ${log_digest}) on conflict do nothing`;
      }),
    cleaned: (id, now_ms) =>
      write(async (tx) => {
        await tx`delete from capacity_leases where job = ${id} and is_hold`;
        await tx`update jobs set cleaned_at = ${new Date(now_ms)} where id = ${id}`;
      }),
    followClock: (offset) => write((tx) => followClock(tx, offset)),
    stray: (job, taskIds, now_ms) =>
      write(async (tx) => {
        const detail = { tasks: taskIds.toSorted() };
        const known = await tx`select 1 from job_events
          where job = ${job} and kind = 'stray_task' and detail = ${tx.json(detail)}`;
        if (known.length === 0) await writeEvent(tx, { job, kind: "stray_task", detail }, now_ms);
      }),
  };
}

/** The specs of active jobs. Each is read from the database once. */
class SpecCache {
  readonly #sql: Database;
  #specs = new Map<string, StoredRequest>();

  constructor(sql: Database) {
    this.#sql = sql;
  }

  async complete(rows: readonly Record<string, unknown>[]): Promise<PlacedJob[]> {
    const ids = rows.map(({ id }) => id as string);
    const unknown = ids.filter((id) => !this.#specs.has(id));
    const read = unknown.length > 0 ? await this.#sql`select id, spec from jobs where id in ${this.#sql(unknown)}` : [];
    const found = new Map(read.map((row) => [row["id"] as string, row["spec"] as StoredRequest]));
    const specOf = (id: string) => this.#specs.get(id) ?? found.get(id);
    this.#specs = new Map(ids.flatMap((id) => (specOf(id) ? [[id, specOf(id) as StoredRequest]] : [])));
    return rows.map((row) => rowToJob<PlacedJob["state"]>({ ...row, spec: this.#specs.get(row["id"] as string) }));
  }
}
