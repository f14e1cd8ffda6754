import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteBudget } from "../../../../roles/proxy/bounds/byte-budget.ts";
import { HeldBytes } from "../../../../roles/proxy/bounds/held-bytes.ts";

test("held bytes are what was added, and cost the budget little more, however small the pieces are", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200_000, minLength: 1 }),
      fc.integer({ min: 1, max: 9_000 }),
      fc.boolean(),
      (array, size, isKnown) => {
        const content = Buffer.from(array);
        const budget = new ByteBudget(1e9);
        const held = new HeldBytes(budget, "a");
        if (isKnown) held.reserve(content.length);
        for (let at = 0; at < content.length; at += size) held.add(content.subarray(at, at + size));
        const pieces = held.pieces();
        expect(Buffer.concat(pieces).equals(content)).toBe(true);
        expect(budget.used_bytes - content.length).toBeLessThanOrEqual(isKnown ? 0 : 65_536);
        expect(pieces.length).toBeLessThanOrEqual(2 + content.length / 4_096);
        held.release();
        expect(budget.used_bytes).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
