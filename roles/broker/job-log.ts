import type { BlobStore } from "#shared/blobs/blob-store.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";

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

/** Reads a task's log once, bounded in time and size (jobs §7: the truth is a bounded read by task id). */
export async function readLog(engine: Engine, taskId: string, signal: AbortSignal): Promise<LogRead> {
  const records: LogRecord[] = [];
  let bytes = 0;
  try {
    for await (const { stream, time, bytes: piece } of engine.taskLogs(taskId, { signal })) {
      bytes += piece.length;
      if (bytes > limits.jobs.log_bytes_max) return { records, isComplete: false };
      records.push({ stream, time, data: Buffer.from(piece).toString("base64") });
    }
    return { records: merged(records), isComplete: !signal.aborted };
  } catch {
    return { records: merged(records), isComplete: false };
  }
}

/** By time; the engine sends the streams one after another. A stable sort keeps pieces of one moment in order. */
function merged(records: LogRecord[]): LogRecord[] {
  return records.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

export async function storeLog(blobs: BlobStore, records: readonly LogRecord[]): Promise<string> {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  const { digest } = await blobs.put(one(Buffer.from(text)));
  return digest;
}

export async function loadLog(blobs: BlobStore, digest: string): Promise<LogRecord[]> {
  const reading = await blobs.open(digest as Parameters<BlobStore["open"]>[0]);
  if (!reading) return [];
  const text = await new Response(reading.stream).text();
  return text.split("\n").flatMap((line) => (line ? [JSON.parse(line) as LogRecord] : []));
}

/** The bytes of one stream, or of both in the order of time. */
export function logBytes(records: readonly LogRecord[], stream: "stdout" | "stderr" | null): Buffer {
  return Buffer.concat(
    records
      .filter((record) => stream === null || record.stream === stream)
      .map(({ data }) => Buffer.from(data, "base64")),
  );
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
