import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { aggregate, type ChallengeWeights } from "#shared/weights/aggregate.ts";

const challenge = (slug: string, emission_percent: number, weights: Record<string, number>): ChallengeWeights => ({
  slug,
  emission_percent,
  weights,
});
const uids = (entries: Record<string, number>) => new Map(Object.entries(entries));

function expectVector(vector: { uids: readonly number[]; weights: readonly number[] }, expected: [number, number][]) {
  expect(vector.uids).toEqual(expected.map(([uid]) => uid));
  for (const [index, [, weight]] of expected.entries()) expect(vector.weights[index]).toBeCloseTo(weight, 12);
}

describe("the contract's cases", () => {
  test("30, 15 and 5 with one hotkey each redistribute to .6, .3 and .1", () => {
    const challenges = [challenge("a", 30, { x: 7 }), challenge("b", 15, { y: 0.1 }), challenge("c", 5, { z: 1e9 })];
    expectVector(aggregate(challenges, uids({ x: 1, y: 2, z: 3 }), "redistribute"), [
      [1, 0.6],
      [2, 0.3],
      [3, 0.1],
    ]);
  });

  test("60 and 40 that share a hotkey add up", () => {
    const challenges = [challenge("one", 40, { a: 1, b: 3 }), challenge("two", 60, { b: 1, c: 1 })];
    for (const policy of ["burn", "redistribute"] as const) {
      expectVector(aggregate(challenges, uids({ a: 1, b: 2, c: 3 }), policy), [
        [1, 0.1],
        [2, 0.6],
        [3, 0.3],
      ]);
    }
  });

  test("what an unknown hotkey would have earned is burnt", () => {
    const challenges = [challenge("a", 40, { hk1: 1, missing: 3 }), challenge("b", 60, { hk2: 2 })];
    const vector = aggregate(challenges, uids({ hk1: 1, hk2: 2 }), "burn");
    expectVector(vector, [
      [0, 0.3],
      [1, 0.1],
      [2, 0.6],
    ]);
    expect(Object.keys(vector.hotkey_weights)).toEqual(["hk1", "hk2"]);
  });

  test.each(["burn", "redistribute"] as const)("with nothing at all everything goes to uid 0 (%s)", (policy) => {
    for (const challenges of [[], [challenge("a", 100, {})], [challenge("a", 0, { x: 1 })]]) {
      expect(aggregate(challenges, uids({ x: 1 }), policy)).toEqual({ uids: [0], weights: [1], hotkey_weights: {} });
    }
  });

  test("what nobody was given is burnt, or goes to who earned", () => {
    const challenges = [challenge("a", 30, { x: 1 })];
    expectVector(aggregate(challenges, uids({ x: 1 }), "burn"), [
      [0, 0.7],
      [1, 0.3],
    ]);
    expectVector(aggregate(challenges, uids({ x: 1 }), "redistribute"), [[1, 1]]);
  });

  test("a hotkey at uid 0 earns nothing", () => {
    const challenges = [challenge("a", 100, { owner: 9, x: 1 })];
    expectVector(aggregate(challenges, uids({ owner: 0, x: 1 }), "redistribute"), [[1, 1]]);
    expectVector(aggregate(challenges, uids({ owner: 0, x: 1 }), "burn"), [
      [0, 0.9],
      [1, 0.1],
    ]);
  });
});

describe("hostile numbers", () => {
  test.each([
    ["negative", -1],
    ["zero", 0],
    ["NaN", Number.NaN],
    ["infinite", Number.POSITIVE_INFINITY],
  ])("a %s weight counts for nothing", (_, weight) => {
    expectVector(aggregate([challenge("a", 100, { bad: weight, x: 2 })], uids({ bad: 1, x: 2 }), "burn"), [[2, 1]]);
  });

  test("weights whose sum overflows keep their proportions", () => {
    const vector = aggregate([challenge("a", 100, { x: 1e308, y: 1e308 })], uids({ x: 1, y: 2 }), "burn");
    expectVector(vector, [
      [1, 0.5],
      [2, 0.5],
    ]);
  });

  test("shares over 100 are scaled down together", () => {
    const challenges = [challenge("a", 100, { x: 1 }), challenge("b", 100, { y: 1 })];
    expectVector(aggregate(challenges, uids({ x: 1, y: 2 }), "burn"), [
      [1, 0.5],
      [2, 0.5],
    ]);
  });

  test("a hotkey named like a member of every object is a hotkey", () => {
    const weights = JSON.parse('{"__proto__": 1, "constructor": 1}') as Record<string, number>;
    const vector = aggregate([challenge("a", 100, weights)], new Map([["__proto__", 1]]), "burn");
    expectVector(vector, [
      [0, 0.5],
      [1, 0.5],
    ]);
  });
});

const hotkeys = Array.from({ length: 12 }, (_, index) => `hk${index}`);
const metagraph = new Map(hotkeys.slice(0, 9).map((hotkey, index) => [hotkey, index]));
const weight = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double(),
  fc.constantFrom(0, -1, 1e308, 5e-324, Number.NaN),
);
const anyChallenges = fc
  .uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 })
  .chain((slugs) =>
    fc.tuple(
      ...slugs.map((slug) =>
        fc
          .tuple(fc.integer({ min: 0, max: 100 }), fc.dictionary(fc.constantFrom(...hotkeys), weight))
          .map(([percent, weights]) => challenge(slug, percent, weights)),
      ),
    ),
  );
const policy = fc.constantFrom("burn" as const, "redistribute" as const);

describe("always", () => {
  test("weights are above zero and their sum is 1; uids rise and are of the metagraph", () => {
    fc.assert(
      fc.property(anyChallenges, policy, (challenges, shares) => {
        const { uids: list, weights } = aggregate(challenges, metagraph, shares);
        expect(weights.reduce((total, value) => total + value, 0)).toBeCloseTo(1, 9);
        expect(weights.every((value) => value > 0 && value <= 1)).toBe(true);
        expect([...list]).toEqual([...new Set(list)].sort((a, b) => a - b));
        expect(list.every((uid) => uid >= 0 && uid < 9)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("the order of challenges and hotkeys changes no bit", () => {
    const reversed = ({ weights, ...rest }: ChallengeWeights) => ({
      ...rest,
      weights: Object.fromEntries(Object.entries(weights).reverse()),
    });
    fc.assert(
      fc.property(anyChallenges, policy, (challenges, shares) => {
        const other = [...challenges].reverse().map(reversed);
        expect(aggregate(other, metagraph, shares)).toEqual(aggregate(challenges, metagraph, shares));
      }),
      { numRuns: 500 },
    );
  });

  test("under burn a hotkey's weight does not depend on what other challenges earned", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 10, noNaN: true }), (other) => {
        const mine = challenge("a", 40, { hk1: 1 });
        const alone = aggregate([mine, challenge("b", 60, {})], metagraph, "burn");
        const both = aggregate([mine, challenge("b", 60, { hk2: other })], metagraph, "burn");
        expect(both.hotkey_weights["hk1"]).toBeCloseTo(alone.hotkey_weights["hk1"] ?? 0, 12);
      }),
    );
  });
});
