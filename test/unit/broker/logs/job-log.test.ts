import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Engine, EngineError } from "#shared/engine/engine.ts";
import { LogCursor, type LogRecord, readLog } from "../../../../roles/broker/logs/job-log.ts";

const long = "A".repeat(22_000);

/** Two streams, each in the order of time. Pieces of a long line share their time, and may be equal. */
const logs = fc.tuple(fc.array(fc.nat(3)), fc.array(fc.nat(3))).map(([out, err]) => {
  const records = (stream: LogRecord["stream"], pieces: readonly number[]) =>
    pieces.flatMap((count, line): LogRecord[] => {
      const time = String(line).padStart(9, "0");
      const whole = Array.from({ length: count }, () => ({ stream, time, data: long }));
      return [...whole, { stream, time, data: `end ${line}` }];
    });
  return { out: records("stdout", out), err: records("stderr", err) };
});

test("a log that is read repeatedly, each time further, gives every piece once", () => {
  fc.assert(
    fc.property(logs, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }), ({ out, err }, cuts) => {
      const cursor = new LogCursor();
      const seen: LogRecord[] = [];
      for (const [cutOut, cutErr] of [...cuts, [out.length, err.length] as const]) {
        cursor.startReading();
        const reading = [...out.slice(0, cutOut), ...err.slice(0, cutErr)];
        seen.push(...reading.filter((record) => cursor.isNew(record)));
      }
      const of = (stream: string) => seen.filter((record) => record.stream === stream);
      expect(of("stdout")).toEqual(out);
      expect(of("stderr")).toEqual(err);
    }),
  );
});

test("pieces that a node sends again within one read count once", () => {
  const cursor = new LogCursor();
  const line = (time: string): LogRecord => ({ stream: "stdout", time, data: "b25l" });
  cursor.startReading();
  expect([line("1"), line("1"), line("2"), line("1"), line("2")].map((record) => cursor.isNew(record))).toEqual([
    true,
    false,
    true,
    false,
    false,
  ]);
});

/** An engine whose log breaks off after its first line. */
function engineThatFails(error: Error): Pick<Engine, "taskLogs"> {
  const taskLogs: Engine["taskLogs"] = async function* () {
    yield { stream: "stdout", time: "1", bytes: Buffer.from("one") };
    throw error;
  };
  return { taskLogs };
}

test("a log that the engine cuts is incomplete", async () => {
  const engine = engineThatFails(new EngineError("unavailable", "the log stream broke off"));
  const records: LogRecord[] = [];
  const end = await readLog(engine, "task", { signal: new AbortController().signal }, (record) => records.push(record));
  expect([records.length, end]).toEqual([1, "cut"]);
});

test("a fault of our own in reading a log is not taken for a cut", async () => {
  const reading = readLog(
    engineThatFails(new TypeError("no such member")),
    "task",
    { signal: new AbortController().signal },
    () => undefined,
  );
  await expect(reading).rejects.toThrow("no such member");
});
