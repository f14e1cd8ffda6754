import { type Engine, EngineError, type LogChunk, type LogOptions } from "#shared/engine/engine.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { LogFiles } from "./log-files.ts";

/** One stored piece of a job's log, a line of JSON. `data` is base64, so that no byte is lost. */
export interface LogRecord {
  readonly stream: "stdout" | "stderr";
  readonly time: string;
  readonly data: string;
  /** Only of what stands where something is missing: how many bytes of this stream, null where that is unknown. */
  readonly missing_bytes?: number | null;
}

/** The engine, as far as logs need it. */
export type LogEngine = Pick<Engine, "taskLogs">;

/** `late`: its time was over; `cut`: the engine broke off. */
export type ReadingEnd = "whole" | "late" | "cut";

export function asRecord({ stream, time, bytes }: LogChunk): LogRecord {
  return { stream, time, data: Buffer.from(bytes).toString("base64") };
}

/** What stands in a log where bytes of a stream are missing. A job cannot write it: only here a record has `missing_bytes`. */
export function gapRecord(stream: LogRecord["stream"], time: string, missing_bytes: number | null): LogRecord {
  const number = missing_bytes === null ? "an unknown number of" : missing_bytes.toLocaleString("en-US");
  const text = `\n[… ${number} bytes of the log are missing here …]\n`;
  return { stream, time, data: Buffer.from(text).toString("base64"), missing_bytes };
}

export const isGap = (record: LogRecord) => record.missing_bytes !== undefined;

/** The bytes of a record's text. */
export const recordBytes = ({ data }: LogRecord) => Buffer.byteLength(data, "base64");

/** Reads a task's log once, until its end or the signal (jobs §7: the truth is a bounded read by task id). */
export async function readLog(
  engine: LogEngine,
  taskId: string,
  options: LogOptions,
  take: (record: LogRecord) => void,
): Promise<ReadingEnd> {
  try {
    for await (const chunk of engine.taskLogs(taskId, options)) {
      if (options.signal.aborted) return "late";
      take(asRecord(chunk));
    }
    return options.signal.aborted ? "late" : "whole";
  } catch (error) {
    if (options.signal.aborted) return "late";
    if (!(error instanceof EngineError)) throw error;
    return "cut";
  }
}

export function linesOf(records: readonly LogRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** The engine splits longer lines into pieces of this size, which share their time. */
const piece_bytes = 16_384;

/**
 * Tells new pieces of a log from those that were seen, when the log is read again. Even one read may repeat pieces: a node
 * that comes back sends what it has sent before. Each stream arrives in the order of time. A moment has one piece, unless a
 * long line was split.
 */
export class LogCursor {
  #unmet = new Set<LogRecord["stream"]>();
  readonly #last = new Map<LogRecord["stream"], { time: string; count: number; readonly short: Set<string> }>();
  readonly #pass = new Map<string, number>();

  /** From when the next read should begin, in seconds; 0: from the log's beginning. */
  get since(): number {
    if (this.#last.size < 2) return 0;
    const times = [...this.#last.values()].map(({ time }) => Date.parse(time));
    return Math.max(0, Math.floor(Math.min(...times) / 1_000) - 1);
  }

  startReading(): void {
    this.#pass.clear();
    this.#unmet = new Set(this.#last.keys());
  }

  /** The streams of which this reading has not brought the last piece that was known at its start: what lies between is missing. */
  get unmet(): readonly LogRecord["stream"][] {
    return [...this.#unmet];
  }

  /** The same, to be read on with apart from this one. */
  copy(): LogCursor {
    const copy = new LogCursor();
    for (const [stream, { time, count, short }] of this.#last)
      copy.#last.set(stream, { time, count, short: new Set(short) });
    return copy;
  }

  isNew({ stream, time, data }: LogRecord): boolean {
    const last = this.#last.get(stream);
    const isShort = data.length * 0.75 < piece_bytes;
    if (last && time < last.time) return false;
    if (!last || time > last.time) {
      this.#last.set(stream, { time, count: isShort ? 0 : 1, short: new Set(isShort ? [data] : []) });
      this.#pass.set(stream, isShort ? 0 : 1);
      return true;
    }
    if (isShort && last.short.has(data)) this.#unmet.delete(stream);
    if (isShort) return !last.short.has(data) && last.short.add(data) !== undefined;
    const met = (this.#pass.get(stream) ?? 0) + 1;
    this.#pass.set(stream, met);
    if (met === last.count) this.#unmet.delete(stream);
    if (met <= last.count) return false;
    last.count = met;
    return true;
  }
}

/** Stores a job's log as a blob of the same bytes. */
export async function putLogAway(blobs: Pick<BlobStore, "put">, logs: LogFiles, id: string): Promise<string> {
  const pieces = async function* () {
    const chunk_bytes = 256 * 1_024;
    for (let at = 0; ; ) {
      const piece = await logs.read(id, at, chunk_bytes);
      if (piece.length === 0) return;
      at += piece.length;
      yield piece;
    }
  };
  return (await blobs.put(pieces(), { mayUseReserve: true })).digest;
}

export function parseRecords(text: string): LogRecord[] {
  return text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as LogRecord] : []));
}

/** The bytes of one stream, or of both in their order of arrival. */
export function logBytes(records: readonly LogRecord[], stream: "stdout" | "stderr" | null): Buffer {
  return Buffer.concat(
    records
      .filter((record) => stream === null || record.stream === stream)
      .map(({ data }) => Buffer.from(data, "base64")),
  );
}
