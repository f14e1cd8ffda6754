import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, LogChunk } from "#shared/engine/engine.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { type LogFiles, openLogFiles } from "../../../../roles/broker/logs/log-files.ts";
import { LogFollows } from "../../../../roles/broker/logs/log-follows.ts";
import { waitFor } from "../../../support/wait-for.ts";

const id = "0".repeat(32);
const pieces: LogChunk[] = ["one", "two", "three"].map((text, at) => ({
  stream: "stdout",
  time: `2026-01-01T00:00:0${at}.000000000Z`,
  bytes: new TextEncoder().encode(text),
}));

/** A container that has written all of `pieces`. A follow yields them and hangs, a read yields them and ends. */
const engine: Pick<Engine, "taskLogs"> = {
  async *taskLogs(_task, { follow, signal }) {
    yield* pieces;
    if (follow) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  },
};

async function texts(logs: LogFiles): Promise<string[]> {
  const lines = (await logs.load(id)).trim().split("\n");
  return lines.map((line) => Buffer.from((JSON.parse(line) as { data: string }).data, "base64").toString());
}

test("a disk that is full for a while loses no line of a log", async () => {
  const directory = mkdtempSync(join(tmpdir(), "platform-logs-"));
  const files = await openLogFiles(directory);
  let failures = 0;
  const logs: LogFiles = {
    ...files,
    async append(job, text) {
      if (failures < 2) {
        failures += 1;
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      }
      await files.append(job, text);
    },
  };
  const world = { engine, clock: systemClock, logs, log: createLogger("test", "silent"), changed: () => undefined };
  const follows = new LogFollows(world);
  follows.follow(id, "task", "node");
  await waitFor(() => failures > 0, { what: "a writing that failed" });
  const finished = await waitFor(() => follows.finish(id, "task", false).catch(() => null), { what: "the log whole" });
  expect(finished).toBe(true);
  expect(await texts(files)).toEqual(["one", "two", "three"]);
  rmSync(directory, { recursive: true });
});

/** A log of so many lines that a reading from its beginning never comes to its end; the engine knows its last lines at once. */
function endlessEngine(readings: (number | undefined)[]): Engine {
  const line = (at: number): LogChunk => ({
    stream: "stdout",
    time: `2026-01-01T00:00:${String(at).padStart(2, "0")}.000000000Z`,
    bytes: new TextEncoder().encode(`line ${at}\n`),
  });
  return {
    async *taskLogs(_task, { tail, signal }) {
      readings.push(tail);
      yield* (tail === undefined ? [1, 2, 3] : [57, 58, 59]).map(line);
      if (tail !== undefined) return;
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  } as Partial<Engine> as Engine;
}

test("a log that cannot be read in time has its beginning and its end, is not complete, and is not read again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "platform-logs-"));
  const logs = await openLogFiles(directory);
  const readings: (number | undefined)[] = [];
  const engine = endlessEngine(readings);
  // Time passes at once: a reading without an end is late.
  const clock = { ...systemClock, sleep: () => Bun.sleep(5) };
  const follows = new LogFollows({
    engine,
    clock,
    logs,
    log: createLogger("test", "silent"),
    changed: () => undefined,
  });
  expect(await follows.finish(id, "task", false)).toBe(false);
  expect(await texts(logs)).toEqual([
    ...[1, 2, 3].map((at) => `line ${at}\n`),
    "\n[… an unknown number of bytes of the log are missing here …]\n",
    ...[57, 58, 59].map((at) => `line ${at}\n`),
  ]);
  expect(readings).toEqual([undefined, limits.jobs.log_tail_lines]);
  rmSync(directory, { recursive: true });
});
