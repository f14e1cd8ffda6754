import { expect, test } from "bun:test";
import { Attempt } from "../../../roles/stager/transfer-attempt.ts";
import { VirtualClock } from "../../simulation/model/virtual-clock.ts";

/** Attempts to ask a broker that never answers. */
function asking() {
  const clock = new VirtualClock();
  const attempt = new Attempt({
    url: "http://broker",
    token: "token",
    clock,
    signal: new AbortController().signal,
    fetch: (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
  });
  const seen: string[] = [];
  attempt.request({ method: "GET", headers: {} }).catch((error: Error) => seen.push(error.message));
  return { clock, attempt, seen };
}

test("a transfer is given up after 20 s without progress, and not before", async () => {
  const { clock, attempt, seen } = asking();
  await clock.advance(19_000);
  attempt.touch();
  await clock.advance(19_000);
  expect(seen).toEqual([]);
  await clock.advance(1_000);
  expect(seen).toEqual(["the connection fell silent"]);
});

test("a transfer that has ended is not given up afterwards", async () => {
  const { clock, attempt, seen } = asking();
  attempt.stop();
  await clock.advance(60_000);
  expect(seen).toEqual([]);
});
