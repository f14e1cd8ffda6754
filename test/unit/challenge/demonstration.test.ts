import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { collatzCases, collatzSteps } from "../../../roles/challenge/demo/collatz-cases.ts";
import { scorePredictions } from "../../../roles/challenge/demo/score-predictions.ts";

const samples = join(import.meta.dir, "../../../roles/challenge/samples");
const expected: Record<string, number> = { exact: 1, "even-only": 0.5, "multiples-of-four": 0.25, constant: 0 };

describe("the cases", () => {
  test.each(["platform-demo", "", "another"])("of seed %p are half even, a quarter fours, and in bounds", (seed) => {
    const cases = collatzCases(seed);
    expect(cases.length).toBe(200);
    expect(cases.filter((n) => n % 2 === 0).length).toBe(100);
    expect(cases.filter((n) => n % 4 === 0).length).toBe(50);
    expect(cases.every((n) => n >= 4 && n < 1_000_000)).toBe(true);
    expect(collatzCases(seed)).toEqual(cases);
  });

  test("are others for another seed", () => {
    expect(collatzCases("a")).not.toEqual(collatzCases("b"));
  });

  test("have the answers of the literature", () => {
    const known = [1, 2, 3, 7, 27, 97, 871, 77_031, 837_799];
    expect(known.map(collatzSteps)).toEqual([0, 1, 7, 16, 111, 118, 178, 350, 524]);
  });
});

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

describe("predictions", () => {
  const cases = [4, 5, 6, 7];
  const score = (text: string) => scorePredictions(text, cases);

  test("count line by line; missing, malformed and shifted lines are wrong", () => {
    expect(score("2\n5\n8\n16\n")).toEqual({ score: 1, answered: 4, right: 4 });
    expect(score("2\n5\n")).toEqual({ score: 0.5, answered: 2, right: 2 });
    expect(score(" 2 \r\n5.0\n+8\n1e1\n")).toEqual({ score: 0.25, answered: 4, right: 1 });
    expect(score("\n2\n5\n8\n16\n")).toEqual({ score: 0, answered: 3, right: 0 });
    expect(score(`2\n5\n8\n16\n${"9\n".repeat(1_000)}`)).toEqual({ score: 1, answered: 4, right: 4 });
  });

  test("that are nothing at all are the miner's fault", () => {
    expect(() => score("\n\n")).toThrow("the program printed nothing");
  });
});
