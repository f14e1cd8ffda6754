import { LeadLostError } from "#shared/database/lead.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import { type ClockOffset, clock_step_ms_min } from "#shared/time/clock-offset.ts";
import type { BlobStore } from "../../../roles/broker/blobs/blob-store.ts";
import { isEnded, type Job, type JobIn, type JobRecord, jobOf, type PlacedJob } from "../../../roles/broker/job/job.ts";
import { ending, leavingQueue } from "../../../roles/broker/job/transition.ts";
import type { LogFiles } from "../../../roles/broker/logs/log-files.ts";
import { classOf } from "../../../roles/broker/placement/queue-order.ts";
import type { DispatchStore, Lease } from "../../../roles/broker/store/dispatch-store.ts";
import { liveTimes } from "../../../roles/broker/store/job-row.ts";
import type { ReapStore } from "../../../roles/supervisor/workers/overdue-jobs.ts";
import type { Random } from "../model/random.ts";
import type { VirtualClock } from "../model/virtual-clock.ts";

/** The jobs table in memory, in place of Postgres, for every leader of a simulation. */
export interface JobsTable {
  readonly jobs: Map<string, Job>;
  readonly leases: Map<string, Lease>;
  /** When each job was accepted, on the monotonic clock. */
  readonly came_ms: Map<string, number>;
  readonly removed: Set<string>;
  readonly cleaned: Set<string>;
  /** Jobs whose second container was found and stopped. */
  readonly strays: Set<string>;
  /** Jobs whose service somebody removed by hand. How often they ran is no longer known. */
  readonly meddled: Set<string>;
  /** Jobs that the supervisor stopped. */
  readonly reaped: Set<string>;
  /** Workers that an administrator drains, and until when their jobs may run. */
  readonly closing: Map<string, number>;
  /** How far the wall clock was ahead when the times of a job, or a worker's deadline, were written. */
  readonly clockOffsets: Map<string, number>;
  fencing: number;
}

export interface StoreFaults {
  /** Probability that a call fails. Half of these calls take effect all the same. */
  call_failure: number;
}

export function createJobsTable(): JobsTable {
  return {
    jobs: new Map(),
    leases: new Map(),
    came_ms: new Map(),
    removed: new Set(),
    cleaned: new Set(),
    strays: new Set(),
    meddled: new Set(),
    reaped: new Set(),
    closing: new Map(),
    clockOffsets: new Map(),
    fencing: 0,
  };
}

interface StoreWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly faults: StoreFaults;
}

/** The dispatcher's store over `table` for the leader with this fencing number; a later leader shuts it out. */
export function createMemoryStore(
  table: JobsTable,
  fencing: number,
  { clock, random, faults }: StoreWorld,
): DispatchStore {
  const call = async <T>(act: () => T): Promise<T> => {
    await clock.sleep(random.between(0, 3));
    if (!random.chance(faults.call_failure)) return act();
    if (random.chance(0.5)) act();
    throw new Error("the connection to the database was lost");
  };
  const write = <T>(act: () => T) =>
    call(() => {
      if (table.fencing !== fencing) throw new LeadLostError("a later leader has written");
      return act();
    });
  const change = (job: Job, changes: Partial<JobRecord>): Job => {
    const changed = jobOf({ ...(table.jobs.get(job.id) ?? job), ...changes });
    table.jobs.set(job.id, changed);
    return changed;
  };
  const all = () => [...table.jobs.values()];
  const live = (id: string): PlacedJob | null => {
    const job = table.jobs.get(id);
    return job && isPlaced(job) ? job : null;
  };
  return {
    active: () => call(() => all().filter(isPlaced)),
    waiting: (challenges, now_ms) =>
      call(() =>
        all()
          .filter(isQueued)
          .filter(({ is_cancel_asked, deadline_ms }) => !is_cancel_asked && deadline_ms >= now_ms)
          .filter(({ challenge }) => challenges.includes(challenge)),
      ),
    lastStarts: () =>
      call(() =>
        all()
          .flatMap((job) => {
            const at_ms = job.staging_ms ?? job.starting_ms;
            return at_ms === null ? [] : [{ challenge: job.challenge, node_class: classOf(job), at_ms }];
          })
          .toSorted((a, b) => b.at_ms - a.at_ms),
      ),
    overdue: (now_ms) =>
      call(() =>
        all()
          .filter(isQueued)
          .filter((job) => job.is_cancel_asked || job.deadline_ms < now_ms),
      ),
    unremoved: () =>
      call(() =>
        all()
          .filter(isEnded)
          .filter(({ id }) => !table.removed.has(id)),
      ),
    unswept: (ended_ms) =>
      call(() =>
        all()
          .filter(isEnded)
          .filter(({ id, node_id, ended_ms: at }) => {
            if (!table.removed.has(id) || table.cleaned.has(id)) return false;
            return at < ended_ms || table.leases.get(id)?.is_hold === true || table.closing.has(node_id ?? "");
          }),
      ),
    leases: () => call(() => [...table.leases.values()]),
    closing: () => call(() => new Map(table.closing)),
    place: ({ id, node, data_volumes }, now_ms, deadlines) =>
      write(() => {
        const job = table.jobs.get(id);
        if (job?.state !== "queued" || job.is_cancel_asked) return null;
        const { node_id, node_class } = node;
        const { cpus, memory_bytes, gpu_count } = job;
        table.leases.set(id, { job: id, node_id, cpus, memory_bytes, gpu_count, is_hold: false });
        const placed = { node_id, node_class, data_volumes, intent_fencing: fencing };
        return change(job, { ...placed, ...leavingQueue(job.spec.mounts.length > 0, now_ms, deadlines) }) as PlacedJob;
      }),
    move: (job, to) =>
      write(() => {
        if (!live(job.id)) throw new Error(`job ${job.id} cannot change its state: it has ended already`);
        return change(job, { ...to, intent_fencing: fencing }) as PlacedJob;
      }),
    record: (job, changes) => write(() => (live(job.id) ? (change(job, changes) as PlacedJob) : job)),
    end: ({ id }, { outcome, isHeld }, now_ms) =>
      write(() => {
        const current = table.jobs.get(id);
        if (!current || isEnded(current)) return;
        change(current, ending(current, outcome, now_ms));
        const lease = table.leases.get(id);
        if (isHeld && lease) table.leases.set(id, { ...lease, is_hold: true });
        else table.leases.delete(id);
      }),
    servicesRemoved: (id) => write(() => void table.removed.add(id)),
    cleaned: (id) =>
      write(() => {
        table.cleaned.add(id);
        if (table.leases.get(id)?.is_hold) table.leases.delete(id);
      }),
    followClock: (offset) =>
      write(() => {
        const jobs = all().filter((job) => !isEnded(job) && stepSince(table, job.id, offset) !== 0);
        for (const job of jobs) {
          const by = stepSince(table, job.id, offset);
          change(job, Object.fromEntries(liveTimes.map((time) => [time, moved(job[time], by)])));
          table.clockOffsets.set(job.id, offset.clock_offset_ms);
        }
        for (const [id, deadline_ms] of table.closing) {
          table.closing.set(id, deadline_ms + stepSince(table, id, offset));
          table.clockOffsets.set(id, offset.clock_offset_ms);
        }
        return jobs.length;
      }),
    stray: (id) => write(() => void table.strays.add(id)),
  };
}

/** By how much the clock was set since these times were written. */
function stepSince(table: JobsTable, id: string, { clock_offset_ms }: ClockOffset): number {
  const step_ms = clock_offset_ms - (table.clockOffsets.get(id) ?? clock_offset_ms);
  return Math.abs(step_ms) < clock_step_ms_min ? 0 : step_ms;
}

/** The supervisor's part of the table. */
export function createMemoryReapStore(table: JobsTable): ReapStore {
  return {
    overdue: async (before_ms, offset) =>
      [...table.jobs.values()].filter(
        (job) =>
          !isEnded(job) && job.state !== "queued" && job.deadline_ms + stepSince(table, job.id, offset) < before_ms,
      ),
    reaped: async (id) => void table.reaped.add(id),
  };
}

const isQueued = (job: Job): job is JobIn<"queued"> => job.state === "queued";
const isPlaced = (job: Job): job is PlacedJob => !isEnded(job) && !isQueued(job);
const moved = (at: unknown, by: number) => (typeof at === "number" ? at + by : null);

/** A blob store that hashes every blob and keeps none: the simulation is not about blobs. */
export function createMemoryBlobs(): Pick<BlobStore, "put"> {
  return {
    async put(source) {
      const hash = new Bun.CryptoHasher("sha256");
      let size_bytes = 0;
      for await (const piece of source) {
        hash.update(piece);
        size_bytes += piece.length;
      }
      return { digest: hash.digest("hex") as Sha256, size_bytes, isKnown: false };
    },
  };
}

/** Log files in memory. A killed process leaves no half line here. */
export function createMemoryLogs(): LogFiles {
  const logs = new Map<string, string>();
  return {
    append: async (id, text) => void logs.set(id, (logs.get(id) ?? "") + text),
    load: async (id) => logs.get(id) ?? "",
    read: async (id, start, bytes_max) => Buffer.from(logs.get(id) ?? "").subarray(start, start + bytes_max),
    remove: async (id) => void logs.delete(id),
    async *ids() {
      yield* logs.keys();
    },
  };
}
