import { expect, test } from "bun:test";
import { untilReachable } from "#shared/time/until-reachable.ts";
import { hastyClock } from "../../../support/fakes/hasty-clock.ts";

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
