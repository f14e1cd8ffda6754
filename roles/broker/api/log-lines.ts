import { hasEnded } from "#shared/schemas/job.ts";
import type { Sha256 } from "#shared/schemas/names.ts";
import type { Job } from "../job/job.ts";
import type { LogRecord } from "../logs/job-log.ts";
import { logChange } from "../logs/log-follows.ts";
import type { ApiWorld } from "./world.ts";

export type ReadWorld = Pick<ApiWorld, "blobs" | "logs" | "changes" | "store">;

/** A piece of the log, and the offset in the stored log at which the next piece begins. */
export interface LogLine {
  readonly record: LogRecord;
  readonly next: number;
}

/** Bytes that are read at a time. Each reader holds this much in memory. */
const chunk_bytes = 64 * 1_024;
/** Pause between two reads while nothing is heard of growth. Another broker's process may be writing the log. */
const look_ms = 1_000;

/** Where a log is read from. With `follow` it is read until the job ends. */
export interface LogReading {
  readonly since: number;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/**
 * Yields the log from an offset on, some lines at a time. An offset within a line starts at the next line. With `follow` it
 * waits for more until the job ends. A null means that nothing came for up to 1 s.
 */
export async function* logLines(
  world: ReadWorld,
  job: Job,
  { since, follow, signal }: LogReading,
): AsyncGenerator<readonly LogLine[] | null> {
  const splitter = new LineSplitter(since);
  let current = job;
  while (!signal.aborted) {
    // The state is read before the bytes: bytes that are read after the job's end are all there will be.
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
    // The log may have been stored meanwhile, and its file removed.
    if (isAll && current.log_digest === seen) return;
  }
}

async function read({ blobs, logs }: ReadWorld, job: Job, start: number): Promise<Uint8Array> {
  if (job.log_digest === null) return await logs.read(job.id, start, chunk_bytes);
  const reading = await blobs.open(job.log_digest as Sha256, { start, end: start + chunk_bytes });
  const pieces = reading ? await Array.fromAsync(reading.stream) : [];
  return pieces[0] && pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** Splits bytes that begin at an offset into records. */
class LineSplitter {
  at: number;
  #rest: Buffer = Buffer.alloc(0);
  #isInLine: boolean;

  constructor(since: number) {
    // The byte before `since` tells whether a line begins there.
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
