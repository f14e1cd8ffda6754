import { createHash } from "node:crypto";

export const case_count = 200;
const quotient_max = 249_999;

/**
 * The numbers asked for, a function of the seed. Case i is 4·(1 + u mod 249,999) + i mod 4, where u are the first six
 * bytes of SHA-256("<seed>:<i>") as a big-endian number: half of the cases are even, a quarter divides by four, and none
 * is below 4, whatever the seed. So the score of many a program can be told by hand.
 */
export function collatzCases(seed: string): readonly number[] {
  return Array.from({ length: case_count }, (_, i) => {
    const u = createHash("sha256").update(`${seed}:${i}`).digest().readUIntBE(0, 6);
    return 4 * (1 + (u % quotient_max)) + (i % 4);
  });
}

/** How often n is halved when even, else tripled and increased, until it is 1. Exact: below a million no value exceeds 2^53. */
export function collatzSteps(n: number): number {
  let steps = 0;
  for (let value = n; value > 1; steps += 1) value = value % 2 === 0 ? value / 2 : 3 * value + 1;
  return steps;
}
