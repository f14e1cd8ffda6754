import { describe, expect, test } from "bun:test";
import { Setbacks } from "../../../../roles/supervisor/challenges/setbacks.ts";

describe("what failed", () => {
  test("is tried again later and later, and told once", () => {
    const setbacks = new Setbacks();
    const told: boolean[] = [];
    const tried_ms: number[] = [];
    for (let now_ms = 0; now_ms < 300_000; now_ms += 500) {
      if (!setbacks.isDue("demo", "1", now_ms)) continue;
      tried_ms.push(now_ms);
      told.push(setbacks.failed("demo", "1", "no image", now_ms));
    }
    expect(tried_ms).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000, 243_000]);
    expect(told).toEqual([true, ...Array.from({ length: 9 }, () => false)]);
  });

  test("is tried at once when its record changed or it succeeded, and told when it fails otherwise", () => {
    const setbacks = new Setbacks();
    setbacks.failed("demo", "1", "no image", 0);
    expect(setbacks.isDue("demo", "1", 10)).toBe(false);
    expect(setbacks.isDue("demo", "2", 10)).toBe(true);
    expect(setbacks.failed("demo", "1", "no secret", 20)).toBe(true);
    setbacks.succeeded("demo");
    expect(setbacks.isDue("demo", "1", 30)).toBe(true);
  });
});
