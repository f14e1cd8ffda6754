import type { Database } from "#shared/database/database.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { JobIn } from "../job/job.ts";
import type { Demand } from "../placement/placement.ts";
import { classOf, type NodeClass, type Queueing } from "../placement/queue-order.ts";

/** When a challenge's last job of a class left the queue. */
export interface LastStart {
  readonly challenge: string;
  readonly node_class: NodeClass;
  readonly at_ms: number;
}

/** The same, and how many jobs of the class the challenge runs. */
export interface LaneUse extends LastStart {
  readonly running: number;
}

/** The most queued jobs of a challenge that are counted. */
export interface LaneCount {
  readonly challenge: string;
  readonly most: number;
}

/** How many jobs of a class left the queue since that time. */
export interface Pace {
  readonly started: number;
  readonly since_ms: number;
}

/** Reads of the queue. Their cost does not grow with its length. */
export interface QueueReads {
  /** The next jobs of each challenge, in the order in which they start, CPU and GPU jobs apart. */
  waiting(challenges: readonly string[], now_ms: number): Promise<(Queueing & Demand)[]>;
  lastStarts(challenges: readonly string[]): Promise<LastStart[]>;
  uses(challenges: readonly string[]): Promise<LaneUse[]>;
  /** How many jobs of the same challenge and class start before this one; at most `queue_position_max`. */
  rank(job: JobIn<"queued">): Promise<number>;
  /** How many jobs of a class wait in each of these lanes; at most `queue_position_max` in all. */
  countQueued(lanes: readonly LaneCount[], node_class: NodeClass): Promise<number>;
  /** The last starts since `since_ms`, at most `pace_starts_max` of them. */
  pace(node_class: NodeClass, since_ms: number): Promise<Pace>;
}

export function queueReads(sql: Database): QueueReads {
  const { queue_position_max, pace_starts_max, dispatch } = limits.jobs;
  // `compareInLane` of placement/order.ts, as the index jobs_queue has it.
  const inLane = sql`order by priority desc, accepted_at, id`;
  const waits = sql`state = 'queued' and not is_cancel_asked`;
  const lanes = (challenges: readonly string[]) => sql`unnest(${challenges as string[]}::text[]) as c (challenge)
    cross join (values (false), (true)) as g (is_gpu)`;
  const ofLane = sql`challenge = c.challenge and (gpu_count > 0) = g.is_gpu`;
  // A subquery, because the planner folds a plain value into `gpu_count <= 0`, which has no index.
  const isOf = (node_class: NodeClass) => sql`(gpu_count > 0) = (select ${node_class === "gpu"}::boolean)`;
  const left_at = sql`coalesce(staging_at, starting_at)`;
  const lastStart = sql`(select ${left_at} as at from jobs where ${ofLane} and ${left_at} is not null
    order by ${left_at} desc limit 1)`;
  return {
    async waiting(challenges, now_ms) {
      const rows = await sql`select q.* from ${lanes(challenges)} cross join lateral (
          select id, challenge, priority, accepted_at, cpus, memory_bytes, gpu_count from jobs
          where ${ofLane} and ${waits} and deadline_at >= ${new Date(now_ms)}
          ${inLane} limit ${dispatch.waiting_max}) q`;
      return rows.map(({ accepted_at, memory_bytes, ...row }) => ({
        ...(row as unknown as Omit<Queueing & Demand, "accepted_ms" | "memory_bytes">),
        accepted_ms: (accepted_at as Date).getTime(),
        memory_bytes: Number(memory_bytes),
      }));
    },
    async lastStarts(challenges) {
      const rows = await sql`select c.challenge, g.is_gpu, s.at
        from ${lanes(challenges)} cross join lateral ${lastStart} s`;
      return rows.map(laneOf);
    },
    async uses(challenges) {
      const rows = await sql`select c.challenge, g.is_gpu, ${lastStart} as at, coalesce(r.running, 0) as running
        from ${lanes(challenges)} left join (
          select challenge, gpu_count > 0 as is_gpu, count(*)::int as running from jobs
          where ended_at is null and state <> 'queued' group by 1, 2) r using (challenge, is_gpu)`;
      return rows.map((row) => ({ ...laneOf(row), running: row["running"] as number }));
    },
    async rank(job) {
      const before = sql`from jobs where challenge = me.challenge and ${isOf(classOf(job))} and ${waits}`;
      const [row] = await sql`select count(*)::int as rank from jobs me cross join lateral (
          (select 1 ${before} and priority > me.priority limit ${queue_position_max})
          union all
          (select 1 ${before} and priority = me.priority and (accepted_at, id) < (me.accepted_at, me.id)
            limit ${queue_position_max})) b
        where me.id = ${job.id}`;
      return Math.min((row?.["rank"] as number) ?? 0, queue_position_max);
    },
    async countQueued(counts, node_class) {
      const [challenges, most] = [counts.map(({ challenge }) => challenge), counts.map((lane) => lane.most)];
      const [row] = await sql`select count(*)::int as queued from (
        select 1 from unnest(${challenges}::text[], ${most}::int[]) as c (challenge, most) cross join lateral (
          select 1 from jobs where challenge = c.challenge and ${isOf(node_class)} and ${waits} ${inLane} limit c.most) q
        limit ${queue_position_max}) all_of_them`;
      return row?.["queued"] as number;
    },
    async pace(node_class, since_ms) {
      const [row] = await sql`select count(*)::int as started, min(at) as since from (
        select ${left_at} as at from jobs where ${isOf(node_class)} and ${left_at} > ${new Date(since_ms)} order by ${left_at} desc limit ${pace_starts_max}) s`;
      const started = row?.["started"] as number;
      const oldest = row?.["since"] as Date | null;
      return { started, since_ms: oldest && started === pace_starts_max ? oldest.getTime() : since_ms };
    },
  };
}

function laneOf(row: Readonly<Record<string, unknown>>): LastStart {
  return {
    challenge: row["challenge"] as string,
    node_class: row["is_gpu"] === true ? "gpu" : "cpu",
    at_ms: (row["at"] as Date | null)?.getTime() ?? 0,
  };
}
