import { type Engine, EngineError, type LogChunk } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { LogFiles } from "./log-files.ts";

/** One piece of a job's log as it is stored: a line of JSON; `data` is base64, so that no byte is lost. */
export interface LogRecord {
  readonly stream: "stdout" | "stderr";
  readonly time: string;
  readonly data: string;
}

export interface LogRead {
  readonly records: LogRecord[];
  /** False when the read was cut: by its time, by the size that is kept, or by the engine. */
  readonly isComplete: boolean;
}

export function asRecord({ stream, time, bytes }: LogChunk): LogRecord {
  return { stream, time, data: Buffer.from(bytes).toString("base64") };
}

/** Reads a task's log once, or the last lines of it, bounded in time and size (jobs §7: the truth is a bounded read by task id). */
export async function readLog(
  engine: Pick<Engine, "taskLogs">,
  taskId: string,
  signal: AbortSignal,
  tail?: number,
): Promise<LogRead> {
  const records: LogRecord[] = [];
  let bytes = 0;
  try {
    for await (const chunk of engine.taskLogs(taskId, { signal, tail })) {
      bytes += chunk.bytes.length;
      if (bytes > limits.jobs.log_bytes_max) return { records: merged(records), isComplete: false };
      records.push(asRecord(chunk));
    }
    return { records: merged(records), isComplete: !signal.aborted };
  } catch (error) {
    if (!(error instanceof EngineError) && !signal.aborted) throw error;
    return { records: merged(records), isComplete: false };
  }
}

/** By time; the engine sends the streams one after another. A stable sort keeps pieces of one moment in order. */
function merged(records: LogRecord[]): LogRecord[] {
  return records.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** The last records: of each stream so many as hold its last `bytes`, in the same order. */
export function endOf(records: readonly LogRecord[], bytes: number): LogRecord[] {
  const left = { stdout: bytes, stderr: bytes };
  const kept = records.toReversed().filter(({ stream, data }) => {
    const isKept = left[stream] > 0;
    left[stream] -= Buffer.byteLength(data, "base64");
    return isKept;
  });
  return kept.reverse();
}

export function linesOf(records: readonly LogRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** The engine takes longer lines apart into pieces of this size, and they share their time. */
const piece_bytes = 16_384;

/**
 * Tells the pieces of a log that were seen from new ones, when it is read again from its beginning or from a moment, also
 * within one reading: a node that comes back sends what it has sent. Each stream comes in the order of time; of one
 * moment there is one piece, unless a long line was taken apart.
 */
export class LogCursor {
  readonly #last = new Map<string, { time: string; count: number; readonly short: Set<string> }>();
  readonly #pass = new Map<string, number>();

  /** The moment from which a new reading needs nothing but what is new, in seconds; 0 for all. */
  get since(): number {
    if (this.#last.size < 2) return 0;
    const times = [...this.#last.values()].map(({ time }) => Date.parse(time));
    return Math.max(0, Math.floor(Math.min(...times) / 1_000) - 1);
  }

  startReading(): void {
    this.#pass.clear();
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
    if (isShort) return !last.short.has(data) && last.short.add(data) !== undefined;
    const met = (this.#pass.get(stream) ?? 0) + 1;
    this.#pass.set(stream, met);
    if (met <= last.count) return false;
    last.count = met;
    return true;
  }
}

/** Puts a job's log away as a blob of the same bytes. */
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

/** The bytes of one stream, or of both in the order in which they came. */
export function logBytes(records: readonly LogRecord[], stream: "stdout" | "stderr" | null): Buffer {
  return Buffer.concat(
    records
      .filter((record) => stream === null || record.stream === stream)
      .map(({ data }) => Buffer.from(data, "base64")),
  );
}
