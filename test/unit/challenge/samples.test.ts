import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { collatzCases } from "../../../roles/challenge/demo/collatz-cases.ts";
import { scorePredictions } from "../../../roles/challenge/demo/score-predictions.ts";

const samples = join(import.meta.dir, "../../../roles/challenge/samples");

const expected: Record<string, number> = { exact: 1, "even-only": 0.5, "multiples-of-four": 0.25, constant: 0 };

describe("a sample's score", () => {
  test.each(readdirSync(samples))("of %s is the documented one for any seed", (name) => {
    for (const seed of ["platform-demo", "x", "y"]) {
      const cases = collatzCases(seed);
      const program = join(samples, name, "predict.awk");
      const { stdout } = Bun.spawnSync(["busybox", "awk", "-f", program], { stdin: Buffer.from(cases.join("\n")) });
      expect(scorePredictions(stdout.toString(), cases).score).toBe(expected[name] as number);
    }
  });
});
