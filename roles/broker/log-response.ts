import { limits } from "#shared/schemas/limits.ts";
import type { AcceptWorld } from "./accept-job.ts";
import { withDeadline } from "./deadline-signal.ts";
import { hasEnded, type Job } from "./job.ts";
import { type LogRecord, loadLog, logBytes, readLog } from "./job-log.ts";

type LogWorld = Pick<AcceptWorld, "blobs" | "engine" | "clock">;

/** A job's log as text from a byte on, or as lines of JSON. */
export async function logResponse(
  world: LogWorld,
  job: Job,
  query: Record<string, string | undefined>,
  headers: Headers,
): Promise<Response> {
  const stream = query["stream"] === "stdout" || query["stream"] === "stderr" ? query["stream"] : null;
  const records = await recordsOf(world, job);
  if (headers.get("accept")?.includes("application/x-ndjson")) {
    const lines = records.filter((record) => stream === null || record.stream === stream);
    return new Response(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), {
      headers: { "content-type": "application/x-ndjson" },
    });
  }
  const bytes = logBytes(records, stream);
  const since = /^\d{1,12}$/.test(query["since"] ?? "") ? Number(query["since"]) : 0;
  return new Response(new Uint8Array(bytes.subarray(since)), {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-log-bytes": String(bytes.length),
      "x-log-complete": String(job.is_log_complete),
    },
  });
}

async function recordsOf(world: LogWorld, job: Job): Promise<LogRecord[]> {
  if (job.log_digest) return await loadLog(world.blobs, job.log_digest);
  const taskId = job.swarm_task_id;
  if (!taskId || hasEnded(job)) return [];
  return (
    await withDeadline(world.clock, limits.jobs.log_read_ms_max, (signal) => readLog(world.engine, taskId, signal))
  ).records;
}
