import { expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { DeadlineError, withDeadline, within } from "#shared/time/with-deadline.ts";
import { hastyClock } from "../../../support/fakes/hasty-clock.ts";

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
