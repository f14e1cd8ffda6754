import type { Job } from "../job/job.ts";

/** A row of `jobs` as a Job: bigints become numbers, times milliseconds. */
export function rowToJob(row: Record<string, unknown>): Job {
  const number = (name: string) => (row[name] === null || row[name] === undefined ? null : Number(row[name]));
  const time = (name: string) => (row[name] instanceof Date ? (row[name] as Date).getTime() : null);
  const value = <T>(name: string) => row[name] as T;
  return {
    id: value("id"),
    challenge: value("challenge"),
    job_id: value("job_id"),
    task_id: value("task_id"),
    spec_digest: value("spec_digest"),
    spec: value("spec"),
    image_id: value("image_id"),
    cpus: value("cpus"),
    memory_bytes: number("memory_bytes") ?? 0,
    gpu_count: value("gpu_count"),
    data_volumes: value("data_volumes"),
    priority: value("priority"),
    state: value("state"),
    outcome: value("outcome"),
    is_cancel_asked: value("is_cancel_asked"),
    deadline_ms: time("deadline_at") ?? 0,
    node_id: value("node_id"),
    node_class: value("node_class"),
    intent_fencing: number("intent_fencing"),
    swarm_task_id: value("swarm_task_id"),
    container_id: value("container_id"),
    exit_code: number("exit_code"),
    wall_ms: number("wall_ms"),
    is_log_complete: value("is_log_complete"),
    log_digest: value("log_digest"),
    artifacts: value("artifacts"),
    artifacts_complete: value("artifacts_complete"),
    accepted_ms: time("accepted_at") ?? 0,
    staging_ms: time("staging_at"),
    starting_ms: time("starting_at"),
    running_ms: time("running_at"),
    collecting_ms: time("collecting_at"),
    ended_ms: time("ended_at"),
  };
}
