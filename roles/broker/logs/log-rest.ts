import { limits } from "#shared/schemas/limits.ts";
import { gapRecord, type LogRecord, recordBytes } from "./job-log.ts";

const { log_tail_bytes, log_tail_lines, log_lines_max } = limits.jobs;

/**
 * What a reading brings beyond what is stored: its head as far as there is room, and its tail. Of pieces between them it keeps
 * only how many bytes each stream lost.
 */
export class LogRest {
  readonly #head: LogRecord[] = [];
  readonly #missing_bytes = new Map<LogRecord["stream"], number>();
  readonly #streams = new Set<LogRecord["stream"]>();
  #room_bytes: number;
  #tail: LogRecord[] = [];
  #tail_start = 0;
  #tail_bytes = 0;

  /** @param room_bytes what the head may have */
  constructor(room_bytes: number) {
    this.#room_bytes = room_bytes;
  }

  get streams(): readonly LogRecord["stream"][] {
    return [...this.#streams];
  }

  get isWhole(): boolean {
    return this.#missing_bytes.size === 0;
  }

  push(record: LogRecord): void {
    const bytes = recordBytes(record);
    this.#streams.add(record.stream);
    const isHead = this.#tail.length === 0 && bytes <= this.#room_bytes && this.#head.length < log_lines_max;
    if (isHead) {
      this.#room_bytes -= bytes;
      this.#head.push(record);
      return;
    }
    this.#tail.push(record);
    this.#tail_bytes += bytes;
    while (this.#tail_bytes > log_tail_bytes || this.#tail.length - this.#tail_start > log_tail_lines) this.#drop();
    if (2 * this.#tail_start <= this.#tail.length) return;
    this.#tail = this.#tail.slice(this.#tail_start);
    this.#tail_start = 0;
  }

  /** In order of time, and where something was left out, a gap for each stream that lost something. */
  records(): LogRecord[] {
    const tail = byTime(this.#tail.slice(this.#tail_start));
    const time = tail[0]?.time ?? "";
    const gaps = [...this.#missing_bytes].map(([stream, bytes]) => gapRecord(stream, time, bytes));
    // Without a gap the two are one: streams come one after another, and in the end lie among each other by time.
    return gaps.length === 0 ? byTime([...this.#head, ...tail]) : [...byTime(this.#head), ...gaps, ...tail];
  }

  #drop(): void {
    const dropped = this.#tail[this.#tail_start] as LogRecord;
    const bytes = recordBytes(dropped);
    this.#tail_start += 1;
    this.#tail_bytes -= bytes;
    this.#missing_bytes.set(dropped.stream, (this.#missing_bytes.get(dropped.stream) ?? 0) + bytes);
  }
}

/** The engine sends the streams one after another. A stable sort keeps pieces of one moment in order. */
export function byTime(records: readonly LogRecord[]): LogRecord[] {
  return records.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
