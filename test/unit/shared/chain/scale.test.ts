import { expect, test } from "bun:test";
import { compact, ScaleReader } from "#shared/chain/scale.ts";

test("compact integers survive the way there and back", () => {
  for (const value of [0, 63, 64, 16383, 16384, 2 ** 30 - 1, 2 ** 30, 2 ** 40]) {
    expect(new ScaleReader(compact(value)).compact()).toBe(value);
  }
});
