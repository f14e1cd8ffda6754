import { expect, test } from "bun:test";
import fc from "fast-check";
import { FairShares } from "../../../../roles/broker/api/fair-shares.ts";

test("a challenge that holds nothing gets half of what is left, whatever others hold", () => {
  const step = fc.record({ challenge: fc.constantFrom("a", "b", "c"), amount: fc.integer({ min: 1, max: 600 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const shares = new FairShares(1_000);
      const held = new Map<string, number>();
      for (const { challenge, amount } of steps)
        if (shares.take(challenge, amount)) held.set(challenge, (held.get(challenge) ?? 0) + amount);
      const left = 1_000 - [...held.values()].reduce((sum, amount) => sum + amount, 0);
      expect(left).toBeGreaterThanOrEqual(0);
      for (const amount of held.values()) expect(amount).toBeLessThanOrEqual(500);
      expect(shares.take("another", Math.floor(left / 2))).toBe(true);
    }),
  );
});

test("a share that is given back can be taken by any challenge", () => {
  const shares = new FairShares(100);
  for (const challenge of ["a", "b", "a"]) {
    expect(shares.take(challenge, 50)).toBe(true);
    expect(shares.take(challenge, 1)).toBe(false);
    shares.give(challenge, 50);
  }
});
