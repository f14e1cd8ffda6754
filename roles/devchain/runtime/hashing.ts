import { blake2b } from "@noble/hashes/blake2.js";
import { join, u64 } from "#shared/chain/scale.ts";

export function blake2_256(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, { dkLen: 32 });
}

function blake2_128(bytes: Uint8Array): Uint8Array {
  return blake2b(bytes, { dkLen: 16 });
}

function twox64(bytes: Uint8Array, seed: bigint): Uint8Array {
  return u64(Bun.hash.xxHash64(bytes, seed));
}

export function twox128(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return join(twox64(bytes, 0n), twox64(bytes, 1n));
}

/** The storage hashers by name: the key's part in a storage key. */
export const hashers = {
  identity: (key: Uint8Array) => key,
  blake2_128_concat: (key: Uint8Array) => join(blake2_128(key), key),
  twox_64_concat: (key: Uint8Array) => join(twox64(key, 0n), key),
} as const;

export function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

export function fromHex(text: string): Uint8Array {
  if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw new Error("expected 0x and hex digits");
  return Uint8Array.from(Buffer.from(text.slice(2), "hex"));
}
