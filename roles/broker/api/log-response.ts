import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Job } from "../job/job.ts";
import type { FairShares } from "./fair-shares.ts";
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
  /** For text: an offset in bytes of the text. For lines and events: `next` of the last one that was seen. */
  readonly since: number;
  readonly follow: boolean;
}

/** Answers with a job's log as text, lines of JSON, or server-sent events, from an offset on. `follow` goes on until the job ends. */
export class LogResponses {
  readonly #world: ReadWorld;
  readonly #readers: FairShares;

  constructor(world: ReadWorld & { readonly readers: FairShares }) {
    this.#world = world;
    this.#readers = world.readers;
  }

  async respond(job: Job, query: Record<string, string | undefined>, { headers, signal }: Request): Promise<Response> {
    const asked = parseQuery(query, headers);
    const common = { "content-type": types[asked.form], "cache-control": "no-store" };
    const ended = this.#admit(job.challenge);
    try {
      const isWhole = asked.form === "text" && !asked.follow;
      const text_bytes = isWhole ? await textBytes(this.#world, job, asked.stream, signal) : Number.POSITIVE_INFINITY;
      const body = streamOf(pieces(this.#world, job, { ...asked, text_bytes }, signal), ended);
      const whole = { "x-log-bytes": String(text_bytes), "x-log-complete": String(job.is_log_complete) };
      return new Response(body, { headers: isWhole ? { ...common, ...whole } : common });
    } catch (error) {
      ended();
      throw error;
    }
  }

  /** The stream of `body`, counted as one reader of its challenge. */
  counted(job: Job, body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    return streamOf(body[Symbol.asyncIterator](), this.#admit(job.challenge));
  }

  #admit(challenge: string): () => void {
    if (!this.#readers.take(challenge, 1)) {
      throw new ProblemError(429, "too_many_log_readers", "Too many logs and artifacts are being read now.", {
        headers: { "retry-after": "5" },
      });
    }
    return () => this.#readers.give(challenge, 1);
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

/** The present length of the text. It is sent as `x-log-bytes`, and the answer ends there even if the log grows. */
async function textBytes(world: ReadWorld, job: Job, stream: LogQuery["stream"], signal: AbortSignal): Promise<number> {
  let bytes = 0;
  for await (const lines of logLines(world, job, { since: 0, follow: false, signal })) {
    for (const { record } of ofStream(lines ?? [], stream)) bytes += Buffer.byteLength(record.data, "base64");
  }
  return bytes;
}

interface Asked extends LogQuery {
  /** Where the text ends. */
  readonly text_bytes: number;
}

async function* pieces(world: ReadWorld, job: Job, asked: Asked, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { form, follow, text_bytes } = asked;
  const since = form === "text" ? 0 : asked.since;
  let silent_ms = 0;
  let at = 0;
  const encoder = new TextEncoder();
  for await (const lines of logLines(world, job, { since, follow, signal })) {
    silent_ms = lines === null ? silent_ms + 1_000 : 0;
    // A comment line, so that nothing on the way takes a silent job for a dead connection.
    if (silent_ms >= limits.jobs.drip_ms && form === "events") yield encoder.encode(": waiting\n\n");
    if (silent_ms >= limits.jobs.drip_ms) silent_ms = 0;
    const wanted = ofStream(lines ?? [], asked.stream);
    if (form !== "text") {
      if (wanted.length > 0) yield encoder.encode(wanted.map((line) => written(line, form)).join(""));
      continue;
    }
    const bytes = Buffer.concat(wanted.map(({ record }) => Buffer.from(record.data, "base64")));
    const piece = bytes.subarray(Math.max(0, asked.since - at), Math.max(0, text_bytes - at));
    at += bytes.length;
    if (piece.length > 0) yield piece;
    if (at >= text_bytes) return;
  }
  if (form === "events" && follow && !signal.aborted) yield encoder.encode(await ending(world, job));
}

function ofStream(lines: readonly LogLine[], stream: LogQuery["stream"]): readonly LogLine[] {
  return stream === null ? lines : lines.filter(({ record }) => record.stream === stream);
}

function written({ record, next }: LogLine, form: "lines" | "events"): string {
  const text = JSON.stringify({ ...record, next });
  return form === "lines" ? `${text}\n` : `id: ${next}\ndata: ${text}\n\n`;
}

/** The last event. Without it a client would reconnect after the stream's end. */
async function ending({ store }: ReadWorld, { challenge, id }: Job): Promise<string> {
  const job = await store.byId(challenge, id);
  const data = { state: job?.state ?? null, log_complete: job?.is_log_complete ?? false };
  return `event: end\ndata: ${JSON.stringify(data)}\n\n`;
}
