import { describe, expect, test } from "bun:test";
import { scorePredictions } from "../../../../roles/challenge/demo/score-predictions.ts";

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
