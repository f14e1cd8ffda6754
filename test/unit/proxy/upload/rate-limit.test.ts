import { describe, expect, test } from "bun:test";
import { systemClock } from "#shared/time/clock.ts";
import { RateLimit } from "../../../../roles/proxy/upload/rate-limit.ts";

describe("a rate limit", () => {
  test("lets a minute's worth through at once, then at its pace, each key by itself", () => {
    let now = 0;
    const rate = new RateLimit(60, { ...systemClock, monotonic: () => now });
    for (let n = 0; n < 60; n += 1) rate.take("a");
    expect(() => rate.take("a")).toThrow("Too many submissions");
    rate.take("b");
    now += 1_000;
    rate.take("a");
    expect(() => rate.take("a")).toThrow();
  });

  test("of 0 is none", () => {
    const rate = new RateLimit(0, systemClock);
    for (let n = 0; n < 1_000; n += 1) rate.take("a");
  });
});
