import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { withDeadline } from "#shared/time/with-deadline.ts";
import { gapRecord, type LogCursor, type LogEngine, type LogRecord, readLog } from "./job-log.ts";
import { LogRest } from "./log-rest.ts";
import type { PrefixComparison, StreamBytes } from "./stream-bytes.ts";

const { log_bytes_max, log_tail_bytes, log_tail_lines, log_read_ms_max, log_file_mib, log_files } = limits.jobs;

/** What the engine's files hold for sure: the last ones, without the one that is written. */
export const engine_kept_bytes = (log_files - 1) * log_file_mib * 1_048_576;

/** What is stored of a log before it is read a last time. */
export interface StoredLog {
  readonly bytes: number;
  readonly streams: StreamBytes;
  /** Whether an earlier reading left a gap in it. */
  readonly hasGap: boolean;
  readonly cursor: LogCursor;
}

export interface FinalReading {
  /** What is to be stored after what is: in order of time, with a gap where something is missing. */
  readonly records: readonly LogRecord[];
  /** Whether what is stored, and `records`, are the whole log. */
  readonly isComplete: boolean;
  /** Whether the engine broke off, so that another reading may do better. */
  readonly isCut: boolean;
  readonly cursor: LogCursor;
}

/**
 * Reads a log after its task's end. It is complete only where the reading got to its end, begins where the log begins, and
 * begins with the bytes that are stored, each of them.
 *
 * It begins where the log begins when the engine can have thrown nothing away: all that it sent, counted as the engine keeps
 * it, is not more than its files hold for sure.
 */
export async function readFinally(
  { engine, clock }: { readonly engine: LogEngine; readonly clock: Clock },
  taskId: string,
  stored: StoredLog,
): Promise<FinalReading> {
  const cursor = stored.cursor.copy();
  const comparison = stored.streams.comparison();
  const rest = new LogRest(Math.max(0, log_bytes_max - log_tail_bytes - stored.bytes));
  let [kept_bytes, count] = [0, 0];
  cursor.startReading();
  const end = await withDeadline(clock, log_read_ms_max, (signal) =>
    readLog(engine, taskId, { signal }, (record) => {
      count += 1;
      kept_bytes += engineBytes(record);
      comparison.push(record);
      if (cursor.isNew(record)) rest.push(record);
    }),
  );
  const isRotated = kept_bytes > engine_kept_bytes;
  const isSame = comparison.different.length === 0 && !isRotated && !stored.hasGap;
  const gaps = gapsBefore(
    lostBefore({ stored, cursor, comparison, rest, count, isRotated, isToEnd: end === "whole" }),
    rest,
  );
  const records = [...gaps, ...rest.records()];
  if (end === "late" && count > 0) {
    const tail = await readTail({ engine, clock }, taskId, cursor);
    const isComplete = isSame && rest.isWhole && tail.isWhole && kept_bytes + tail.kept_bytes <= engine_kept_bytes;
    return { records: [...records, ...tail.records], cursor, isCut: false, isComplete };
  }
  const isCut = end !== "whole" || (count === 0 && stored.bytes > 0);
  return { records, cursor, isCut, isComplete: !isCut && isSame && rest.isWhole };
}

interface Reading {
  readonly stored: StoredLog;
  readonly cursor: LogCursor;
  readonly comparison: PrefixComparison;
  readonly rest: LogRest;
  /** Of all pieces that it brought. */
  readonly count: number;
  readonly isRotated: boolean;
  readonly isToEnd: boolean;
}

/** The streams that lack something between what is stored and what the reading brought. */
function lostBefore({
  stored,
  cursor,
  comparison,
  rest,
  count,
  isRotated,
  isToEnd,
}: Reading): readonly LogRecord["stream"][] {
  // Nothing at all came: the container is gone, and nobody can tell whether there was more.
  if (count === 0) return [];
  if (stored.bytes === 0) return isRotated ? rest.streams : [];
  if (isToEnd && !isRotated && !stored.hasGap) return comparison.different;
  return cursor.unmet.filter((stream) => rest.streams.includes(stream));
}

function gapsBefore(streams: readonly LogRecord["stream"][], rest: LogRest): LogRecord[] {
  const time = rest.records()[0]?.time ?? new Date(0).toISOString();
  return streams.map((stream) => gapRecord(stream, time, null));
}

/** The last lines of a log that could not be read to its end in time. */
async function readTail(
  { engine, clock }: { readonly engine: LogEngine; readonly clock: Clock },
  taskId: string,
  cursor: LogCursor,
) {
  const rest = new LogRest(0);
  let kept_bytes = 0;
  cursor.startReading();
  const end = await withDeadline(clock, log_read_ms_max, (signal) =>
    readLog(engine, taskId, { signal, tail: log_tail_lines }, (record) => {
      if (!cursor.isNew(record)) return;
      kept_bytes += engineBytes(record);
      rest.push(record);
    }),
  );
  const lost = cursor.unmet;
  const gaps = gapsBefore(lost, rest);
  const isWhole = end === "whole" && lost.length === 0 && rest.isWhole;
  return { records: [...gaps, ...rest.records()], isWhole, kept_bytes };
}

/**
 * At most what the engine's `local` driver needs for a piece: a length before and after it, a protobuf with source, time and
 * text; and of a long line's pieces the line's id, also of the last one, which is short.
 */
function engineBytes({ data }: LogRecord): number {
  const bytes = Buffer.byteLength(data, "base64");
  return bytes + 30 + (bytes >= 16_384 ? 200 : 0);
}
