import { expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { Wake } from "#shared/time/wake.ts";

const never = new AbortController().signal;

const hour_ms = 3_600_000;

test("a wait ends when it is woken, also by a call from before it began, and the next one waits again", async () => {
  const wake = new Wake();
  wake.now();
  await wake.orAfter(hour_ms, systemClock, never);
  const waiting = wake.orAfter(hour_ms, systemClock, never);
  wake.now();
  await waiting;
  const waits: unknown[] = [];
  const sleep = async (ms: number, signal?: AbortSignal) => void waits.push({ ms, isOver: signal?.aborted });
  await wake.orAfter(5, { ...systemClock, sleep }, never);
  expect(waits).toEqual([{ ms: 5, isOver: false }]);
});
