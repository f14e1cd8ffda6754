import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";

/** The members that a seal covers. The other members of a published vector explain it, and may grow in number. */
export interface SealedVector {
  readonly netuid: number;
  readonly epoch: number;
  readonly uids: readonly number[];
  readonly weights: readonly number[];
  /** RFC 3339. */
  readonly computed_at: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** Lower case hexadecimal digits. */
export interface Seal {
  /** SHA-256 of the canonical JSON of the sealed members, 32 bytes. */
  readonly digest: string;
  /** Ed25519 over the 32 bytes of the digest, 64 bytes. */
  readonly signature: string;
  /** The signing key's public half, 32 bytes. It says which key signed, and proves nothing by itself. */
  readonly public_key: string;
}

export type SealProblem = "malformed" | "digest_mismatch" | "wrong_key" | "bad_signature";

const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/** The key that seals vectors: Ed25519 with the seed HKDF-SHA256(master key, "vector-signing"). */
export function vectorSigningKey(masterKey: string): KeyObject {
  const seed = Buffer.from(hkdfSync("sha256", masterKey, "", "vector-signing", 32));
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
}

/** The public half of `key`, 64 hexadecimal digits: what a validator pins in its submitter's configuration. */
export function publicKeyOf(key: KeyObject): string {
  return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(spkiPrefix.length).toString("hex");
}

/** SHA-256 of the canonical JSON (RFC 8785) of exactly the sealed members, in hexadecimal. */
export function vectorDigest({ netuid, epoch, uids, weights, computed_at, expires_at }: SealedVector): string {
  return createHash("sha256")
    .update(canonicalJson({ netuid, epoch, uids, weights, computed_at, expires_at }))
    .digest("hex");
}

/** Seals `vector` with a key of `vectorSigningKey`. */
export function sealVector(vector: SealedVector, key: KeyObject): Seal {
  const digest = vectorDigest(vector);
  return {
    digest,
    signature: sign(null, Buffer.from(digest, "hex"), key).toString("hex"),
    public_key: publicKeyOf(key),
  };
}

/**
 * Null when the holder of `publicKey` (64 hexadecimal digits, known beforehand) sealed `sealed`; else what is wrong. Never
 * throws on hostile input. It does not check times: compare `expires_at` and `epoch` yourself. Without `publicKey` it proves
 * only that digest and signature match the key that the vector names.
 */
export function verifySeal(sealed: SealedVector & Seal, publicKey: string = sealed.public_key): SealProblem | null {
  if (!isHex(sealed.digest, 32) || !isHex(sealed.signature, 64) || !isHex(publicKey, 32)) return "malformed";
  let digest: string;
  try {
    digest = vectorDigest(sealed);
  } catch (error) {
    // Canonical JSON cannot hold such a value.
    if (!(error instanceof TypeError)) throw error;
    return "malformed";
  }
  if (digest !== sealed.digest) return "digest_mismatch";
  if (sealed.public_key !== publicKey) return "wrong_key";
  const key = createPublicKey({
    key: Buffer.concat([spkiPrefix, Buffer.from(publicKey, "hex")]),
    format: "der",
    type: "spki",
  });
  return verify(null, Buffer.from(digest, "hex"), key, Buffer.from(sealed.signature, "hex")) ? null : "bad_signature";
}

function isHex(text: unknown, bytes: number): text is string {
  return typeof text === "string" && text.length === bytes * 2 && /^[0-9a-f]*$/.test(text);
}
