import type { Database, Transaction } from "#shared/database/database.ts";
import type { Job } from "./job.ts";
import { rowToJob } from "./job-row.ts";
import { guard } from "./lead.ts";
import type { Outcome } from "./outcome.ts";
import type { Demand, NodeCapacity } from "./placement.ts";

export interface Lease extends Demand {
  readonly job: string;
  readonly node_id: string;
  readonly is_hold: boolean;
}

/** What changes with a step of a live job; absent members stay. */
export interface Step {
  readonly swarm_task_id?: string;
  readonly container_id?: string;
  readonly exit_code?: number | null;
  readonly wall_ms?: number;
  readonly running_ms?: number;
  readonly is_log_complete?: boolean;
  readonly log_digest?: string;
  readonly outcome?: Outcome;
  readonly artifacts_complete?: boolean;
}

/** The dispatcher's part of the jobs table: every write is one transaction of the leader with this fencing number. */
export interface DispatchStore {
  live(): Promise<Job[]>;
  /** Ended jobs whose services, network or volumes may still be there, oldest first. */
  uncleaned(): Promise<Job[]>;
  leases(): Promise<Lease[]>;
  /** Takes the lease and leaves `queued` in one transaction; false when the job is no longer queued. */
  place(
    job: Job,
    node: NodeCapacity,
    state: "staging" | "starting",
    now_ms: number,
    deadline_ms: number,
  ): Promise<boolean>;
  move(
    job: Job,
    state: "starting" | "running" | "collecting",
    now_ms: number,
    deadline_ms: number,
    step?: Step,
  ): Promise<Job>;
  /** Changes nothing once the job has ended: a result that is final is never another one. */
  record(job: Job, step: Step): Promise<Job>;
  /** Writes the end and gives up the lease, or turns it into a hold. */
  end(job: Job, outcome: Outcome, now_ms: number, holdLease: boolean): Promise<void>;
  releaseHold(jobId: string): Promise<void>;
  cleaned(id: string, now_ms: number): Promise<void>;
  event(job: string, kind: string, detail: Record<string, unknown>, now_ms: number): Promise<void>;
}

export function createDispatchStore(sql: Database, fencing: number): DispatchStore {
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    sql.begin(async (tx) => {
      await guard(tx, fencing);
      return await work(tx);
    }) as Promise<T>;
  const event = (tx: Transaction, job: string, kind: string, detail: object, now_ms: number) =>
    tx`insert into job_events (job, at, kind, detail) values (${job}, ${new Date(now_ms)}, ${kind}, ${tx.json(detail as never)})`;
  return {
    live: async () => (await sql`select * from jobs where ended_at is null order by id`).map(rowToJob),
    uncleaned: async () =>
      (await sql`select * from jobs where ended_at is not null and cleaned_at is null order by ended_at limit 500`).map(
        rowToJob,
      ),
    leases: async () =>
      (await sql`select * from capacity_leases`).map(
        (row) => ({ ...row, memory_bytes: Number(row["memory_bytes"]) }) as unknown as Lease,
      ),
    place: (job, node, state, now_ms, deadline_ms) =>
      write(async (tx) => {
        const moved =
          await tx`update jobs set state = ${state}, node_id = ${node.node_id}, node_class = ${node.node_class},
          intent_fencing = ${fencing}, deadline_at = ${new Date(deadline_ms)}, ${tx(`${state}_at`)} = ${new Date(now_ms)}
          where id = ${job.id} and state = 'queued' and not is_cancel_asked returning id`;
        if (moved.length === 0) return false;
        await tx`insert into capacity_leases (job, node_id, cpus, memory_bytes, gpu_count, taken_at)
          values (${job.id}, ${node.node_id}, ${job.cpus}, ${job.memory_bytes}, ${job.gpu_count}, ${new Date(now_ms)})`;
        await event(tx, job.id, state, { node: node.hostname }, now_ms);
        return true;
      }),
    move: (job, state, now_ms, deadline_ms, step = {}) =>
      write(async (tx) => {
        const [row] =
          await tx`update jobs set state = ${state}, deadline_at = ${new Date(deadline_ms)}, intent_fencing = ${fencing},
          ${tx(`${state}_at`)} = ${new Date(step.running_ms ?? now_ms)} ${changes(tx, step)}
          where id = ${job.id} and ended_at is null returning *`;
        await event(tx, job.id, state, {}, now_ms);
        if (!row) throw new Error(`job ${job.id} has ended behind the dispatcher's back`);
        return rowToJob(row);
      }),
    record: (job, step) =>
      write(async (tx) => {
        const [row] =
          await tx`update jobs set id = id ${changes(tx, step)} where id = ${job.id} and ended_at is null returning *`;
        if (row && step.log_digest)
          await tx`insert into blob_uses (job, digest) values (${job.id}, ${step.log_digest}) on conflict do nothing`;
        return row ? rowToJob(row) : job;
      }),
    end: (job, outcome, now_ms, holdLease) =>
      write(async (tx) => {
        const ended =
          await tx`update jobs set state = ${outcome.state}, outcome = ${tx.json(outcome as never)}, ended_at = ${new Date(now_ms)},
          exit_code = coalesce(exit_code, ${outcome.exit_code}) where id = ${job.id} and ended_at is null returning id`;
        if (ended.length === 0) return;
        if (holdLease) await tx`update capacity_leases set is_hold = true where job = ${job.id}`;
        else await tx`delete from capacity_leases where job = ${job.id}`;
        await event(tx, job.id, outcome.state, { reason: outcome.reason }, now_ms);
      }),
    releaseHold: (job) =>
      write(async (tx) => void (await tx`delete from capacity_leases where job = ${job} and is_hold`)),
    cleaned: (id, now_ms) =>
      write(async (tx) => void (await tx`update jobs set cleaned_at = ${new Date(now_ms)} where id = ${id}`)),
    event: (job, kind, detail, now_ms) => write(async (tx) => void (await event(tx, job, kind, detail, now_ms))),
  };
}

/** `, column = value` for each member that is there; outcome is jsonb. */
function changes(tx: Transaction, step: Step) {
  const { running_ms: _, outcome, ...columns } = step;
  const set = outcome ? tx`, outcome = ${tx.json(outcome as never)}` : tx``;
  return Object.entries(columns).reduce((done, [name, value]) => tx`${done}, ${tx(name)} = ${value}`, set);
}
