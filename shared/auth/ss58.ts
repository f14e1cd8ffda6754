import { blake2b } from "@noble/hashes/blake2.js";

const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const address_chars_max = 50;
const checksumPrefix = Buffer.from("SS58PRE");

/** The 32-byte public key of an ss58 address of any network, or null when the text is no address or its checksum is wrong. Never throws. */
export function publicKeyOf(address: string): Uint8Array | null {
  const bytes = decodeBase58(address);
  if (!bytes) return null;
  const prefix_bytes = (bytes[0] ?? 0) < 64 ? 1 : 2;
  if (bytes.length !== prefix_bytes + 32 + 2) return null;
  const checksum = blake2b(Buffer.concat([checksumPrefix, bytes.subarray(0, -2)]), { dkLen: 64 });
  if (checksum[0] !== bytes.at(-2) || checksum[1] !== bytes.at(-1)) return null;
  return bytes.subarray(prefix_bytes, -2);
}

function decodeBase58(text: string): Uint8Array | null {
  if (text.length === 0 || text.length > address_chars_max) return null;
  let value = 0n;
  for (const char of text) {
    const digit = alphabet.indexOf(char);
    if (digit < 0) return null;
    value = value * 58n + BigInt(digit);
  }
  const hex = value === 0n ? "" : value.toString(16);
  const leading_zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Buffer.concat([Buffer.alloc(leading_zeros), Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex")]);
}
