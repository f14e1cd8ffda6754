import type { Database, Transaction } from "#shared/database/database.ts";
import type { JobStateName } from "#shared/schemas/job.ts";
import { type JobIn, type JobRecord, jobOf } from "../job/job.ts";

/** How a member is stored: as it is, as a bigint, as JSON, or (a time) as a timestamp whose column ends in `_at`. */
type Kind = "plain" | "bigint" | "json" | "time";

/** The one table of a job's columns. Reads, inserts and updates all follow it. */
const kinds: Readonly<Record<keyof JobRecord, Kind>> = {
  id: "plain",
  challenge: "plain",
  job_id: "plain",
  task_id: "plain",
  spec_digest: "plain",
  spec: "json",
  image_id: "plain",
  cpus: "plain",
  memory_bytes: "bigint",
  gpu_count: "plain",
  priority: "plain",
  state: "plain",
  outcome: "json",
  is_cancel_asked: "plain",
  deadline_ms: "time",
  node_id: "plain",
  node_class: "plain",
  data_volumes: "plain",
  intent_fencing: "bigint",
  swarm_task_id: "plain",
  container_id: "plain",
  exit_code: "plain",
  wall_ms: "bigint",
  is_log_complete: "plain",
  log_digest: "plain",
  artifacts: "json",
  artifacts_complete: "plain",
  artifacts_skipped: "json",
  accepted_ms: "time",
  staging_ms: "time",
  starting_ms: "time",
  running_ms: "time",
  collecting_ms: "time",
  ended_ms: "time",
};
export const jobMembers = Object.keys(kinds) as (keyof JobRecord)[];

/** The times of a live job, which move along when the wall clock is set. */
export const liveTimes = jobMembers.filter((member) => kinds[member] === "time" && member !== "ended_ms");

export function columnOf(member: keyof JobRecord): string {
  return kinds[member] === "time" ? member.replace(/_ms$/, "_at") : member;
}

/** Every column of a job except its spec, which can be large and never changes. */
export const columnsButSpec = jobMembers.filter((member) => member !== "spec").map(columnOf);

/** A row of `jobs` as a job of its state. The caller's query says which states `S` there can be. */
export function rowToJob<S extends JobStateName = JobStateName>(row: Readonly<Record<string, unknown>>): JobIn<S> {
  const members = jobMembers.map((member) => [member, fromColumn(kinds[member], row[columnOf(member)])]);
  return jobOf(Object.fromEntries(members) as JobRecord) as JobIn<S>;
}

/** The columns of `changes`, for an insert or an update. */
export function rowOf(sql: Database | Transaction, changes: Partial<JobRecord>): Record<string, never> {
  const members = Object.entries(changes) as [keyof JobRecord, unknown][];
  return Object.fromEntries(
    members.map(([member, value]) => [columnOf(member), toColumn(sql, kinds[member], value) as never]),
  );
}

function fromColumn(kind: Kind, value: unknown): unknown {
  if (value === null) return null;
  if (kind === "time") return (value as Date).getTime();
  return kind === "bigint" ? Number(value) : value;
}

function toColumn(sql: Database | Transaction, kind: Kind, value: unknown): unknown {
  if (value === null) return null;
  if (kind === "time") return new Date(value as number);
  return kind === "json" ? sql.json(value as never) : value;
}
