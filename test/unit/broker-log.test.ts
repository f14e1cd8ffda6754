import { expect, test } from "bun:test";
import fc from "fast-check";
import { LogCursor, type LogRecord } from "../../roles/broker/job-log.ts";

/** Two streams, each in the order of its times, of which many are the same. */
const logs = fc.tuple(fc.array(fc.nat(3)), fc.array(fc.nat(3))).map(([out, err]) => {
  const records = (stream: LogRecord["stream"], steps: readonly number[]) => {
    let time = 0;
    return steps.map((step, index): LogRecord => {
      time += step;
      return { stream, time: String(time).padStart(9, "0"), data: String(index) };
    });
  };
  return { out: records("stdout", out), err: records("stderr", err) };
});

test("a log that is read again and again, each time further, gives every piece once", () => {
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
