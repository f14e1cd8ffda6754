import { describe, expect, test } from "bun:test";
import { collatzCases, collatzSteps } from "../../../../roles/challenge/demo/collatz-cases.ts";

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
