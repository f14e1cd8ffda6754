import { expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";

const never = new AbortController().signal;

const hour_ms = 3_600_000;

test("an aborted pause resolves; what else goes wrong in it is thrown", async () => {
  const stop = new AbortController();
  const waiting = pause(systemClock, hour_ms, stop.signal);
  stop.abort(new Error("stopping"));
  await waiting;
  const broken = { ...systemClock, sleep: () => Promise.reject(new Error("the clock is broken")) };
  await expect(pause(broken, 1, never)).rejects.toThrow("the clock is broken");
});
