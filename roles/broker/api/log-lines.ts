import { hasEnded } from "#shared/schemas/job.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import type { Job } from "../job/job.ts";
import type { LogRecord } from "../logs/job-log.ts";
import { logChange } from "../logs/log-follows.ts";
import type { ApiWorld } from "./world.ts";

export type ReadWorld = Pick<ApiWorld, "blobs" | "logs" | "changes" | "store">;

/** A piece of the log, and the byte of the stored log from which a later reading goes on after it. */
export interface LogLine {
  readonly record: LogRecord;
  readonly next: number;
}

/** What is read at a time: of many readers that is what each has in memory. */
const chunk_bytes = 64 * 1_024;
/** Another broker's process may write the log: it is looked at this often though nothing here said that it grew. */
const look_ms = 1_000;

/** From where a log is read; with `follow` for as long as the job goes on. */
export interface LogReading {
  readonly since: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * The log from a byte on, some lines at a time; what is in the middle of a line goes on with the next one. With `follow` it waits for
 * more until the job is over; null says now and then that nothing came.
 */
export async function* logLines(
  world: ReadWorld,
  job: Job,
  { since, follow, signal }: LogReading,
): AsyncGenerator<readonly LogLine[] | null> {
  const splitter = new LineSplitter(since);
  let current = job;
  while (!signal.aborted) {
    // Asked before the bytes are read: what is there when a job was over is all there will be.
    const isAll = !follow || hasEnded(current) || current.log_digest !== null;
    const bytes = await read(world, current, splitter.at);
    if (bytes.length > 0) {
      yield [...splitter.push(bytes)];
      continue;
    }
    const seen = current.log_digest;
    if (!isAll) {
      await world.changes.next(logChange(job.id), look_ms, signal);
      yield null;
    }
    current = (await world.store.byId(job.challenge, job.id)) ?? current;
    // It may have been put away since, and its file is gone.
    if (isAll && current.log_digest === seen) return;
  }
}

async function read({ blobs, logs }: ReadWorld, job: Job, start: number): Promise<Uint8Array> {
  if (job.log_digest === null) return await logs.read(job.id, start, chunk_bytes);
  const reading = await blobs.open(job.log_digest as Sha256, { start, end: start + chunk_bytes });
  const pieces = reading ? await Array.fromAsync(reading.stream) : [];
  return pieces[0] && pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** Takes bytes from an offset on apart into records. */
class LineSplitter {
  at: number;
  #rest: Buffer = Buffer.alloc(0);
  #isInLine: boolean;

  constructor(since: number) {
    // One byte earlier tells whether `since` is where a line begins.
    this.at = Math.max(0, since - 1);
    this.#isInLine = since > 0;
  }

  *push(bytes: Uint8Array): Generator<LogLine> {
    let start = this.at - this.#rest.length;
    this.at += bytes.length;
    this.#rest =
      this.#rest.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#rest, bytes]);
    for (let end = this.#rest.indexOf(0x0a); end >= 0; end = this.#rest.indexOf(0x0a)) {
      const line = this.#rest.toString("utf8", 0, end);
      this.#rest = this.#rest.subarray(end + 1);
      start += end + 1;
      if (!this.#isInLine && line !== "") yield { record: JSON.parse(line) as LogRecord, next: start };
      this.#isInLine = false;
    }
  }
}
