import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Job } from "../job/job.ts";
import { logBytes } from "../logs/job-log.ts";
import { type LogLine, logLines, type ReadWorld } from "./log-lines.ts";
import { streamOf } from "./stream-of.ts";

const types = {
  text: "text/plain; charset=utf-8",
  lines: "application/x-ndjson",
  events: "text/event-stream",
} as const;
type Form = keyof typeof types;

interface LogQuery {
  readonly form: Form;
  readonly stream: "stdout" | "stderr" | null;
  /** In the text, of its bytes; in lines and events, of the stored log's: `next` of the last one that was seen. */
  readonly since: number;
  readonly follow: boolean;
}

/** Jobs' logs as text, as lines of JSON, or as server-sent events; from a byte on, and with `follow` until the job is over. */
export class LogResponses {
  readonly #world: ReadWorld;
  #readers = 0;

  constructor(world: ReadWorld) {
    this.#world = world;
  }

  async respond(job: Job, query: Record<string, string | undefined>, { headers, signal }: Request): Promise<Response> {
    const asked = parseQuery(query, headers);
    const common = { "content-type": types[asked.form], "cache-control": "no-store" };
    if (asked.follow || asked.form !== "text") {
      if (this.#readers >= limits.jobs.log_readers_max) {
        throw new ProblemError(429, "too_many_log_readers", "Too many logs are being read now.", {
          headers: { "retry-after": "5" },
        });
      }
      return new Response(streamOf(this.#counted(pieces(this.#world, job, asked, signal))), { headers: common });
    }
    const records = await Array.fromAsync(logLines(this.#world, job, 0, false, signal), (line) => line?.record ?? []);
    const bytes = logBytes(records.flat(), asked.stream);
    return new Response(new Uint8Array(bytes.subarray(asked.since)), {
      headers: { ...common, "x-log-bytes": String(bytes.length), "x-log-complete": String(job.is_log_complete) },
    });
  }

  async *#counted<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
    this.#readers += 1;
    try {
      yield* source;
    } finally {
      this.#readers -= 1;
    }
  }
}

function parseQuery(query: Record<string, string | undefined>, headers: Headers): LogQuery {
  const accept = headers.get("accept") ?? "";
  const form = accept.includes(types.events) ? "events" : accept.includes(types.lines) ? "lines" : "text";
  const { stream, follow } = query;
  if (stream !== undefined && stream !== "stdout" && stream !== "stderr")
    throw new ProblemError(400, "invalid_stream", "stream is stdout or stderr.");
  if (follow !== undefined && !/^(true|false|1|0)$/.test(follow))
    throw new ProblemError(400, "invalid_follow", "follow is true or false.");
  const since = query["since"] ?? (form === "events" ? headers.get("last-event-id") : null) ?? "0";
  if (!/^\d{1,12}$/.test(since)) throw new ProblemError(400, "invalid_since", "since is a number of bytes.");
  return { form, stream: stream ?? null, since: Number(since), follow: follow === "true" || follow === "1" };
}

async function* pieces(world: ReadWorld, job: Job, asked: LogQuery, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let skip = asked.form === "text" ? asked.since : 0;
  let silent_ms = 0;
  const encoder = new TextEncoder();
  for await (const line of logLines(world, job, asked.form === "text" ? 0 : asked.since, asked.follow, signal)) {
    silent_ms = line === null ? silent_ms + 1_000 : 0;
    // So that nothing on the way takes the silence of a job for a dead connection.
    if (silent_ms >= limits.jobs.drip_ms && asked.form === "events") yield encoder.encode(": waiting\n\n");
    if (silent_ms >= limits.jobs.drip_ms) silent_ms = 0;
    if (line === null || (asked.stream !== null && line.record.stream !== asked.stream)) continue;
    if (asked.form !== "text") yield encoder.encode(written(line, asked.form));
    else {
      const bytes = Buffer.from(line.record.data, "base64");
      if (bytes.length > skip) yield bytes.subarray(skip);
      skip = Math.max(0, skip - bytes.length);
    }
  }
  if (asked.form === "events" && asked.follow && !signal.aborted) yield encoder.encode(await ending(world, job));
}

function written({ record, next }: LogLine, form: "lines" | "events"): string {
  const text = JSON.stringify({ ...record, next });
  return form === "lines" ? `${text}\n` : `id: ${next}\ndata: ${text}\n\n`;
}

/** A stream of events that just ended would be asked for again by its client. */
async function ending({ store }: ReadWorld, { challenge, id }: Job): Promise<string> {
  const job = await store.byId(challenge, id);
  const data = { state: job?.state ?? null, log_complete: job?.is_log_complete ?? false };
  return `event: end\ndata: ${JSON.stringify(data)}\n\n`;
}
