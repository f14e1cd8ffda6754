import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import initReference, { tld } from "@ideallabs/timelock_wasm_wrapper";
import {
  decodeRevealPayload,
  decryptWithSignature,
  encodeRevealPayload,
  encryptUntilRound,
  isRoundSignature,
  quicknetPublicKey,
  TimelockError,
  testBeacon,
} from "#shared/chain/timelock.ts";

const round1000Signature =
  "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
const message = new TextEncoder().encode("a vector nobody may read yet");

describe("timelock encryption", () => {
  test("trusts the quicknet key because it verifies the published signature of round 1000", () => {
    expect(isRoundSignature(1000, round1000Signature, quicknetPublicKey)).toBe(true);
    expect(isRoundSignature(1001, round1000Signature, quicknetPublicKey)).toBe(false);
  });

  test("is opened by the signature of its round and by no other", () => {
    expect(decryptWithSignature(encryptUntilRound(message, 1000, quicknetPublicKey), round1000Signature)).toEqual(
      message,
    );
    const beacon = testBeacon("test");
    const sealed = encryptUntilRound(message, 5, beacon.public_key);
    expect(decryptWithSignature(sealed, beacon.sign(5))).toEqual(message);
    expect(() => decryptWithSignature(sealed, beacon.sign(6))).toThrow("does not open");
    const bent = Uint8Array.from(sealed);
    bent[200] = (bent[200] ?? 0) ^ 1;
    expect(() => decryptWithSignature(bent, beacon.sign(5))).toThrow();
  });

  test("of 256 uids is 1,313 bytes, within the chain's 5,000", () => {
    const payload = {
      hotkey_public_key: new Uint8Array(32).fill(7),
      uids: Array.from({ length: 256 }, (_, uid) => uid),
      values: Array.from({ length: 256 }, (_, uid) => uid * 256),
      version_key: 12n,
    };
    const encoded = encodeRevealPayload(payload);
    expect(decodeRevealPayload(encoded)).toEqual(payload);
    expect(encryptUntilRound(encoded, 1000, quicknetPublicKey)).toHaveLength(1313);
    expect(() => decodeRevealPayload(encoded.subarray(0, -1))).toThrow(TimelockError);
  });

  test("is opened by the library the chain itself is built with", async () => {
    const wasm = await readFile(
      new URL(import.meta.resolve("@ideallabs/timelock_wasm_wrapper/timelock_wasm_wrapper_bg.wasm")),
    );
    await initReference({ module_or_path: wasm });
    const sealed = encryptUntilRound(message, 1000, quicknetPublicKey);
    const opened = tld([...sealed], [...Buffer.from(round1000Signature, "hex")], "bls12_381") as number[];
    expect(Uint8Array.from(opened)).toEqual(message);
  });
});
