import { expect, test } from "bun:test";
import fc from "fast-check";
import { openSecret, sealSecret } from "#shared/auth/sealed-secret.ts";

const key = "k".repeat(32);

test("a sealed secret opens where it belongs, and never looks the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string(), (secret, context) => {
      const sealed = sealSecret(key, "purpose", context, secret);
      expect(openSecret(key, "purpose", context, sealed)).toBe(secret);
      expect(sealSecret(key, "purpose", context, secret).equals(sealed)).toBe(false);
    }),
  );
});

test("it opens under no other key, purpose or context, and not when anything of it was changed", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 64 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (secret, at, flip) => {
      const sealed = sealSecret(key, "purpose", "a b", secret);
      for (const [otherKey, purpose, context] of [
        ["l".repeat(32), "purpose", "a b"],
        [key, "another", "a b"],
        [key, "purpose", "a c"],
      ] as const) {
        expect(() => openSecret(otherKey, purpose, context, sealed)).toThrow();
      }
      const changed = Buffer.from(sealed);
      const index = at % changed.length;
      changed[index] = (changed[index] ?? 0) ^ flip;
      expect(() => openSecret(key, "purpose", "a b", changed)).toThrow();
      expect(() => openSecret(key, "purpose", "a b", sealed.subarray(0, at % sealed.length))).toThrow();
    }),
  );
});
