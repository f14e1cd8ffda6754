import { describe, expect, test } from "bun:test";
import { publicKeyOf, sealVector, vectorSigningKey, verifySeal } from "#shared/weights/seal.ts";

const key = vectorSigningKey("a master key of more than 32 characters");

const vector = {
  netuid: 7,
  epoch: 42,
  uids: [0, 3],
  weights: [0.3, 0.7],
  computed_at: "2026-01-01T00:00:00.000Z",
  expires_at: "2026-01-01T00:30:00.000Z",
};

const sealed = { ...vector, ...sealVector(vector, key) };

describe("a seal", () => {
  test("is valid for who knows the key, and the key follows from the master key alone", () => {
    expect(verifySeal(sealed, publicKeyOf(key))).toBeNull();
    expect(sealVector(vector, vectorSigningKey("a master key of more than 32 characters")).signature).toBe(
      sealed.signature,
    );
    expect(publicKeyOf(vectorSigningKey("another master key of 32 characters!"))).not.toBe(sealed.public_key);
  });

  test("has the digest and the signature that others compute", () => {
    // Computed with Python's json, hashlib and cryptography from the same bytes and seed.
    expect(sealed.digest).toBe("745be9fc0dd78f7929e199ea53bc0299935eef899217e14319c2afb6ed0f6548");
    expect(sealed.signature).toBe(
      "793c5675fb79306b3ed0177c1f0032ab2a24d13233b2d84c34a49d01142b4483ad7cd8c335c50d17578f5fd4cf8ddf696f133ae8aebfc03422ab64d919b77301",
    );
  });

  test.each([
    ["netuid", { netuid: 8 }],
    ["epoch", { epoch: 43 }],
    ["a uid", { uids: [1, 3] }],
    ["a weight", { weights: [0.30000000000000004, 0.7] }],
    ["the order", { uids: [3, 0], weights: [0.7, 0.3] }],
    ["the time", { computed_at: "2026-01-01T00:00:01.000Z" }],
    ["the expiry", { expires_at: "2027-01-01T00:30:00.000Z" }],
  ])("is broken by a change of %s", (_, change) => {
    expect(verifySeal({ ...sealed, ...change }, sealed.public_key)).toBe("digest_mismatch");
  });

  test("of another key is told apart, also when the vector names ours", () => {
    const mallory = sealVector({ ...vector, uids: [1, 3] }, vectorSigningKey("m".repeat(32)));
    const forged = { ...vector, uids: [1, 3], ...mallory };
    expect(verifySeal(forged, sealed.public_key)).toBe("wrong_key");
    expect(verifySeal({ ...forged, public_key: sealed.public_key }, sealed.public_key)).toBe("bad_signature");
    expect(verifySeal({ ...sealed, signature: sealed.signature.replace(/^../, "00") })).toBe("bad_signature");
  });

  test.each([
    ["no digest", { digest: undefined }],
    ["upper case", { digest: sealed.digest.toUpperCase() }],
    ["a short signature", { signature: "00" }],
    ["a number for a key", { public_key: 7 }],
    ["a weight that is no number", { weights: [Number.NaN, 1] }],
    ["a missing member", { uids: undefined }],
  ])("with %s is malformed, not an exception", (_, change) => {
    expect(verifySeal({ ...sealed, ...change } as unknown as typeof sealed)).toBe("malformed");
  });
});
