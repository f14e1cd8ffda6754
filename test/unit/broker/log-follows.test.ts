import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine, LogChunk } from "#shared/engine/engine.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { systemClock } from "#shared/time/clock.ts";
import { type LogFiles, openLogFiles } from "../../../roles/broker/logs/log-files.ts";
import { LogFollows } from "../../../roles/broker/logs/log-follows.ts";
import { waitFor } from "../../support/wait-for.ts";

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
