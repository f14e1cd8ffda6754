import { createHash } from "node:crypto";

export const case_count = 200;
const quotient_max = 249_999;

/**
 * The demonstration's numbers, which follow from the seed. Case i is 4·(1 + u mod 249,999) + i mod 4, where u is the number in
 * the first six bytes of SHA-256("<seed>:<i>"), big-endian. For every seed half of the cases are even, a quarter is divisible by
 * four, and none is below 4. So the scores of simple programs can be computed by hand.
 */
export function collatzCases(seed: string): readonly number[] {
  return Array.from({ length: case_count }, (_, i) => {
    const u = createHash("sha256").update(`${seed}:${i}`).digest().readUIntBE(0, 6);
    return 4 * (1 + (u % quotient_max)) + (i % 4);
  });
}

/** The Collatz steps from n to 1: an even number is halved, an odd one becomes 3n + 1. Exact for n below a million. */
export function collatzSteps(n: number): number {
  let steps = 0;
  for (let value = n; value > 1; steps += 1) value = value % 2 === 0 ? value / 2 : 3 * value + 1;
  return steps;
}
