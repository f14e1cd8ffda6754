import { describe, expect, test } from "bun:test";
import { ProblemError } from "#shared/http/problem.ts";
import { Tally } from "../../../../roles/broker/admission/quota.ts";
import { VirtualClock } from "../../../simulation/model/virtual-clock.ts";

describe("a tally", () => {
  const refusal = () => new ProblemError(429, "queue_full", "full");

  test("admits up to its maximum, however many ask at once, with one read for all", async () => {
    let reads = 0;
    const clock = new VirtualClock();
    const tally = new Tally(async () => {
      reads += 1;
      return 3;
    }, clock);
    const asked = await Promise.allSettled(Array.from({ length: 10 }, () => tally.take("a", 1, 8, refusal)));
    expect(asked.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(reads).toBe(1);
  });

  test("reads the count again before it refuses", async () => {
    let stored = 8;
    const tally = new Tally(async () => stored, new VirtualClock());
    expect(tally.take("a", 1, 8, refusal)).rejects.toThrow("full");
    stored = 2;
    await tally.take("a", 1, 8, refusal);
  });
});
