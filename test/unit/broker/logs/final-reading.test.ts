import { expect, test } from "bun:test";
import fc from "fast-check";
import { EngineError, type LogChunk } from "#shared/engine/engine.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { engine_kept_bytes } from "../../../../roles/broker/logs/final-reading.ts";
import { isGap, type LogEngine, logBytes, parseRecords } from "../../../../roles/broker/logs/job-log.ts";
import type { LogFiles } from "../../../../roles/broker/logs/log-files.ts";
import { LogFollows } from "../../../../roles/broker/logs/log-follows.ts";
import { waitFor } from "../../../support/wait-for.ts";

const id = "0".repeat(32);
const timeOf = (at: number) => `2026-01-01T00:00:${String(at).padStart(12, "0")}Z`;
const piece = (at: number, text: string, stream: "stdout" | "stderr" = "stdout"): LogChunk => ({
  stream,
  time: timeOf(at),
  bytes: new TextEncoder().encode(text),
});
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => piece(from + at, `${from + at}\n`));

/** What the engine has for a follow, a reading from the beginning, and one of the last lines. */
interface Script {
  readonly follow?: readonly LogChunk[];
  readonly whole: Iterable<LogChunk>;
  readonly tail?: readonly LogChunk[];
  /** The reading from the beginning does not come to its end in time. */
  readonly isLate?: boolean;
  readonly isCut?: boolean;
  readonly wasStopped?: boolean;
}

/** A log in memory that was followed, where the script has a follow, and read at its end. */
async function readThrough({ follow, whole, tail = [], isLate = false, isCut = false, wasStopped = false }: Script) {
  let text = "";
  const logs = {
    append: async (_id: string, added: string) => {
      text += added;
    },
    load: async () => text,
  } as Partial<LogFiles> as LogFiles;
  const hang = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  const engine: LogEngine = {
    async *taskLogs(_task, options) {
      yield* options.follow ? (follow ?? []) : options.tail ? tail : whole;
      if (options.follow) await hang(options.signal);
      if (options.follow || options.tail) return;
      if (isCut) throw new EngineError("unavailable", "the log stream broke off");
      if (isLate) clock.passDeadline();
      if (isLate) await hang(options.signal);
    },
  };
  let late = Promise.withResolvers<void>();
  const clock = {
    ...systemClock,
    passDeadline: () => late.resolve(),
    monotonic: () => systemClock.monotonic(),
    // The deadline of a reading passes when the script says so.
    sleep: (ms: number, signal?: AbortSignal) => {
      if (ms !== limits.jobs.log_read_ms_max) return systemClock.sleep(ms, signal);
      late = Promise.withResolvers<void>();
      return late.promise;
    },
  };
  const follows = new LogFollows({
    engine,
    clock,
    logs,
    log: createLogger("test", "silent"),
    changed: () => undefined,
  });
  if (follow) {
    follows.follow(id, "task", "node");
    const bytes = follow.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    await waitFor(() => logBytes(parseRecords(text), null).length >= bytes, { what: "what is followed, stored" });
  }
  const finish = () => follows.finish(id, "task", wasStopped);
  // A reading that is cut is tried again, as the finisher does.
  const isComplete = await finish().catch(finish).catch(finish);
  const records = parseRecords(text);
  return { isComplete, records, gaps: records.filter(isGap), text: logBytes(records, null).toString() };
}

const all = "1\n2\n3\n4\n5\n6\n";

test("a log is complete where the last reading begins with what was followed, byte for byte", async () => {
  const { isComplete, text, gaps } = await readThrough({ follow: numbers(1, 4), whole: numbers(1, 6) });
  expect([isComplete, text, gaps]).toEqual([true, all, []]);
});

test("a log that nobody followed is complete where the engine can have thrown nothing away", async () => {
  const { isComplete, text } = await readThrough({ whole: numbers(1, 6) });
  expect([isComplete, text]).toEqual([true, all]);
});

test("a last reading that begins behind what was followed leaves a gap, said in the log", async () => {
  const { isComplete, text, gaps } = await readThrough({ follow: numbers(1, 2), whole: numbers(5, 6) });
  expect(isComplete).toBe(false);
  expect(text).toBe("1\n2\n\n[… an unknown number of bytes of the log are missing here …]\n5\n6\n");
  expect(gaps).toMatchObject([{ stream: "stdout", missing_bytes: null }]);
});

test("a hole in what was followed makes a log incomplete, also where its end was met", async () => {
  const follow = [...numbers(1, 2), ...numbers(4, 5)];
  const { isComplete, gaps } = await readThrough({ follow, whole: numbers(1, 6) });
  expect([isComplete, gaps.length]).toEqual([false, 1]);
});

test("a log is complete if and only if what is stored is the log, whatever was followed of it", async () => {
  const kept = fc.array(fc.boolean(), { minLength: 8, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(kept, fc.nat(7), async (followed, begin) => {
      const log = numbers(1, 8);
      const follow = log.filter((_, at) => followed[at]);
      const { isComplete, records } = await readThrough({ follow, whole: log.slice(begin) });
      const stored = logBytes(
        records.filter((record) => !isGap(record)),
        null,
      ).toString();
      const isAll = stored === "1\n2\n3\n4\n5\n6\n7\n8\n";
      // Without a follow nobody can tell that so small a reading begins late; no engine throws so little away.
      if (begin === 0) expect(isComplete).toBe(isAll);
      else if (followed[0]) expect(isComplete).toBe(false);
    }),
    { numRuns: 40 },
  );
});

test("a log that is longer than is kept has its head and its tail, and the gap with its bytes between them", async () => {
  const line = "x".repeat(8_191);
  const count = (limits.jobs.log_bytes_max / 8_192) * 2;
  function* whole() {
    for (let at = 1; at <= count; at += 1) yield piece(at, `${line}${at % 10}`);
  }
  const { isComplete, records, gaps } = await readThrough({ whole: whole() });
  const kept_bytes = logBytes(
    records.filter((record) => !isGap(record)),
    null,
  ).length;
  expect(isComplete).toBe(false);
  expect(gaps).toMatchObject([{ stream: "stdout", missing_bytes: count * 8_192 - kept_bytes }]);
  expect([records[0]?.time, records.at(-1)?.time]).toEqual([timeOf(1), timeOf(count)]);
  expect(kept_bytes).toBeLessThanOrEqual(limits.jobs.log_bytes_max);
  expect(records.length - 1 - records.findIndex(isGap)).toBe(limits.jobs.log_tail_bytes / 8_192);
});

test("a log that cannot be read to its end in time has its last lines", async () => {
  const { isComplete, text } = await readThrough({ whole: numbers(1, 3), isLate: true, tail: numbers(7, 9) });
  expect(isComplete).toBe(false);
  expect(text).toBe("1\n2\n3\n\n[… an unknown number of bytes of the log are missing here …]\n7\n8\n9\n");
});

test("a log that was read to its end in two parts that meet is complete", async () => {
  const { isComplete, text, gaps } = await readThrough({ whole: numbers(1, 3), isLate: true, tail: numbers(3, 6) });
  expect([isComplete, text, gaps]).toEqual([true, all, []]);
});

test("a stopped job's log, whose container is gone, is what was followed, and not complete", async () => {
  const { isComplete, text } = await readThrough({ follow: numbers(1, 6), whole: [], wasStopped: true });
  expect([isComplete, text]).toEqual([false, all]);
});

test("a reading that the engine cuts again and again leaves a log that is not complete", async () => {
  const { isComplete, text } = await readThrough({ follow: numbers(1, 2), whole: numbers(1, 4), isCut: true });
  expect([isComplete, text]).toEqual([false, "1\n2\n3\n4\n"]);
});

test("more than the engine keeps for sure is not complete: its beginning may be gone", async () => {
  const bytes = new Uint8Array(1_048_576).fill(0x78);
  function* whole() {
    for (let at = 1; at <= engine_kept_bytes / bytes.length + 1; at += 1) yield { ...piece(at, ""), bytes };
  }
  const { isComplete, records } = await readThrough({ whole: whole() });
  expect([isComplete, records.some(isGap)]).toEqual([false, true]);
  expect(isGap(records[0] as never)).toBe(true);
}, 60_000);

test("the engine's files hold a log of the largest size in lines of one letter", () => {
  const entry_bytes = "x".length + 30;
  expect((limits.jobs.log_bytes_max / "x\n".length) * entry_bytes).toBeLessThanOrEqual(engine_kept_bytes);
});
