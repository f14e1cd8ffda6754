import { describe, expect, test } from "bun:test";
import { quantiseWeights, roundHalfEven, upscaleValues, WeightsVectorError } from "#shared/chain/weights-vector.ts";

describe("the vector on chain", () => {
  test("is scaled by its maximum, halves to even, zeros dropped, sorted by uid", () => {
    expect(quantiseWeights([3, 1, 2, 9], [0.6, 0.3, 0.1, 0])).toEqual({
      uids: [1, 2, 3],
      values: [32768, 10923, 65535],
    });
    expect(quantiseWeights([0, 1], [1e-9, 1])).toEqual({ uids: [1], values: [65535] });
    expect([0.5, 1.5, 2.5, 2.4999, 2.5001].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3]);
  });

  test.each([
    ["lengths", [1, 2], [1]],
    ["duplicate_uid", [1, 1], [1, 1]],
    ["weight", [1, 2], [1, -0.1]],
    ["weight", [1], [Number.NaN]],
    ["weight", [1], [Number.POSITIVE_INFINITY]],
    ["all_zero", [1, 2], [0, 0]],
    ["all_zero", [], []],
    ["uid", [65536], [1]],
    ["uid", [1.5], [1]],
  ] as const)("refuses %s", (code, uids, weights) => {
    expect(() => quantiseWeights([...uids], [...weights])).toThrow(expect.objectContaining({ code }));
    expect(() => quantiseWeights([...uids], [...weights])).toThrow(WeightsVectorError);
  });

  test("is upscaled by the runtime again", () => {
    expect(upscaleValues([10, 20, 30, 40])).toEqual([16384, 32768, 49151, 65535]);
    expect(upscaleValues([65535, 32768, 10922])).toEqual([65535, 32768, 10922]);
    expect(upscaleValues([0, 0])).toEqual([0, 0]);
    expect(upscaleValues([7])).toEqual([65535]);
    // Halves: exact up to a maximum of 32768, above it the factor is cut off first.
    expect(upscaleValues([7, 14])).toEqual([32768, 65535]);
    expect(upscaleValues([20000, 40000])).toEqual([32767, 65535]);
  });
});
