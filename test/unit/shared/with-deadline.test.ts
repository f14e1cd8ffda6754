import { expect, test } from "bun:test";
import { type Clock, systemClock } from "#shared/time/clock.ts";
import { untilReachable } from "#shared/time/until-reachable.ts";
import { DeadlineError, withDeadline, within } from "#shared/time/with-deadline.ts";

/** A clock whose every sleep is over at once, and which says how long it slept. */
function hastyClock(): Clock & { readonly slept_ms: number[] } {
  const slept_ms: number[] = [];
  const monotonic = () => slept_ms.reduce((sum, ms) => sum + ms, 0);
  return { ...systemClock, slept_ms, monotonic, sleep: async (ms) => void slept_ms.push(ms) };
}

test("work is told by its signal that it is late, and its own answer counts", async () => {
  const answer = await withDeadline(hastyClock(), 5, async (signal) => {
    while (!signal.aborted) await Promise.resolve();
    return (signal.reason as Error).message;
  });
  expect(answer).toBe("no end within 5 ms");
});

test("what knows no signal is left behind with an error that names it", async () => {
  const never = new Promise<never>(() => undefined);
  const late = within(hastyClock(), 5, never, "the chain's answer");
  await expect(late).rejects.toThrow(new DeadlineError("the chain's answer took longer than 5 ms"));
  expect(await within(systemClock, 60_000, Promise.resolve(1), "an answer")).toBe(1);
});

test("an absence is waited out until its time is over; any other failure is thrown at once", async () => {
  const signal = new AbortController().signal;
  const clock = hastyClock();
  const said: string[] = [];
  const reaching = { clock, signal, say: (text: string) => void said.push(text), ms_max: 2_500 };
  const absent = () => Promise.reject(new Error("nobody listens"));
  await expect(untilReachable("it", absent, () => true, reaching)).rejects.toThrow("nobody listens");
  expect(said).toEqual(Array(3).fill("waiting for it: nobody listens"));
  await expect(untilReachable("it", absent, () => false, reaching)).rejects.toThrow("nobody listens");
  expect(said).toHaveLength(3);
});
