import { describe, expect, test } from "bun:test";
import { runScenario } from "./scenario.ts";

const seeds = 2_000;
const seeds_at_once = 200;
const reached = new Map<string, number>();
const add = (name: string, count: number) => reached.set(name, (reached.get(name) ?? 0) + count);

describe(`${seeds} seeds keep every promise of the broker`, () => {
  for (let from = 1; from <= seeds; from += seeds_at_once) {
    test(`${from} to ${from + seeds_at_once - 1}`, async () => {
      for (let seed = from; seed < from + seeds_at_once; seed += 1) {
        const { states, reasons, strays } = await runScenario(seed);
        for (const [name, count] of Object.entries({ ...states, ...reasons, strays })) add(name, count);
      }
    }, 180_000);
  }

  test("and reach every end that a job can have", () => {
    const states = ["succeeded", "failed", "timed_out", "cancelled", "rejected", "lost"];
    const submission = ["exit_code", "out_of_memory", "timeout", "output_too_large", "output_refused"];
    const others = [
      "command_not_found",
      "killed_unknown",
      "node_lost",
      "create_unknown",
      "engine_error",
      "worker_disk_full",
    ];
    const deadlines = ["queue_deadline", "staging_deadline", "start_deadline", "staging_failed"];
    for (const name of [...states, ...submission, ...others, ...deadlines, "strays"])
      expect([name, reached.get(name) ?? 0]).not.toEqual([name, 0]);
  });
});

test("a seed replays exactly, call by call", async () => {
  for (const seed of [3, 77, 1_234]) expect(await runScenario(seed)).toEqual(await runScenario(seed));
}, 30_000);
