import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { blob, compact, join, ScaleReader, u16, u64, u64be } from "./scale.ts";

/** Drand quicknet's group public key (BLS12-381, G2), checked in the tests against the published signature of round 1000. */
export const quicknetPublicKey =
  "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";

/** RFC 9380 domain of Drand's `bls-unchained-g1-rfc9380` scheme. */
const hashDomain = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const cipherName = new TextEncoder().encode("AES_GCM_");
const g2_bytes = 96;
const key_bytes = 32;
const nonce_bytes = 12;
const tag_bytes = 16;
const field_bytes = 48;
const group_order = bls12_381.fields.Fr.ORDER;

/** The weights a timelocked commit hides. */
export interface RevealPayload {
  readonly hotkey_public_key: Uint8Array;
  readonly uids: readonly number[];
  readonly values: readonly number[];
  readonly version_key: bigint;
}

/** The bytes the chain decodes after the reveal: SCALE of hotkey, uids, values, version key (chain §5). */
export function encodeRevealPayload(payload: RevealPayload): Uint8Array {
  return join(
    blob(payload.hotkey_public_key),
    compact(payload.uids.length),
    ...payload.uids.map(u16),
    compact(payload.values.length),
    ...payload.values.map(u16),
    u64(payload.version_key),
  );
}

/** The bytes are no payload, or the signature does not open the ciphertext; `cause` says more. */
export class TimelockError extends Error {
  override readonly name = "TimelockError";
}

/** The inverse of {@link encodeRevealPayload}. @throws TimelockError for bytes that are no payload */
export function decodeRevealPayload(bytes: Uint8Array): RevealPayload {
  return hostile("the bytes are no reveal payload", () => payloadOf(bytes));
}

/** Reads bytes that anybody may have made: every failure is the fault of the bytes, so it becomes a TimelockError. */
function hostile<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new TimelockError(`${what}: ${(cause as Error).message}`, { cause });
  }
}

function payloadOf(bytes: Uint8Array): RevealPayload {
  const reader = new ScaleReader(bytes);
  const hotkey_public_key = reader.take(reader.compact());
  const uids = reader.list((from) => from.u16());
  const values = reader.list((from) => from.u16());
  const version_key = reader.u64();
  if (reader.rest !== 0) throw new RangeError(`${reader.rest} bytes follow the payload`);
  return { hotkey_public_key, uids, values, version_key };
}

/** Encrypts so that only the beacon's signature of `round` opens it ("tle" over BLS12-381 with AES-256-GCM). */
export function encryptUntilRound(message: Uint8Array, round: number, public_key_hex: string): Uint8Array {
  const public_key = bls12_381.G2.Point.fromHex(public_key_hex);
  const sigma = randomBytes(key_bytes);
  const session_key = randomBytes(key_bytes);
  const scalar = scalarOf(sigma, session_key);
  const shared = bls12_381.pairing(roundPoint(round), public_key.multiply(scalar));
  const u = bls12_381.G2.Point.BASE.multiply(scalar).toBytes(true);
  const v = xor(sigma, sha256(pairingBytes(shared)));
  const w = xor(session_key, sha256(sigma));
  const nonce = randomBytes(nonce_bytes);
  const cipher = createCipheriv("aes-256-gcm", session_key, nonce);
  const sealed = join(cipher.update(message), cipher.final(), cipher.getAuthTag());
  return join(u, sized(v), sized(w), sized(join(sized(sealed), sized(nonce))), sized(cipherName));
}

/** Opens what {@link encryptUntilRound} made with the beacon's signature of that round (48 bytes, G1). @throws TimelockError when the signature does not open it */
export function decryptWithSignature(ciphertext: Uint8Array, signature_hex: string): Uint8Array {
  return hostile("the ciphertext cannot be opened", () => opened(ciphertext, signature_hex));
}

function opened(ciphertext: Uint8Array, signature_hex: string): Uint8Array {
  const reader = new ScaleReader(ciphertext);
  const u = bls12_381.G2.Point.fromBytes(reader.take(g2_bytes));
  const v = takeSized(reader);
  const w = takeSized(reader);
  const body = new ScaleReader(takeSized(reader));
  if (!Buffer.from(takeSized(reader)).equals(cipherName))
    throw new Error("the ciphertext names another cipher than AES_GCM_");
  const sigma = xor(v, sha256(pairingBytes(bls12_381.pairing(bls12_381.G1.Point.fromHex(signature_hex), u))));
  const session_key = xor(w, sha256(sigma));
  if (!bls12_381.G2.Point.BASE.multiply(scalarOf(sigma, session_key)).equals(u)) {
    throw new Error("the signature does not open this ciphertext");
  }
  const sealed = takeSized(body);
  const decipher = createDecipheriv("aes-256-gcm", session_key, takeSized(body));
  decipher.setAuthTag(sealed.subarray(sealed.length - tag_bytes));
  return join(decipher.update(sealed.subarray(0, sealed.length - tag_bytes)), decipher.final());
}

/** A private beacon for development chains and tests: the same scheme with a secret that everybody may know. */
export function testBeacon(seed: string): { readonly public_key: string; sign(round: number): string } {
  const secret =
    (BigInt(`0x${Buffer.from(sha256(new TextEncoder().encode(seed))).toString("hex")}`) % (group_order - 1n)) + 1n;
  return {
    public_key: bls12_381.G2.Point.BASE.multiply(secret).toHex(true),
    sign: (round) => roundPoint(round).multiply(secret).toHex(true),
  };
}

/** True when `signature_hex` is the signature of `round` under `public_key_hex`. */
export function isRoundSignature(round: number, signature_hex: string, public_key_hex: string): boolean {
  const left = bls12_381.pairing(bls12_381.G1.Point.fromHex(signature_hex), bls12_381.G2.Point.BASE);
  const right = bls12_381.pairing(roundPoint(round), bls12_381.G2.Point.fromHex(public_key_hex));
  return bls12_381.fields.Fp12.eql(left, right);
}

function roundPoint(round: number) {
  return bls12_381.G1.hashToCurve(sha256(u64be(round)), { DST: hashDomain });
}

function scalarOf(sigma: Uint8Array, session_key: Uint8Array): bigint {
  const digest = Buffer.from(sha256(join(sigma, session_key))).toString("hex");
  return BigInt(`0x${digest}`) % group_order;
}

type PairingValue = ReturnType<typeof bls12_381.pairing>;

/** The chain's library writes the twelve coefficients little-endian, lowest first. */
function pairingBytes(value: PairingValue): Uint8Array {
  const sixes = [value.c0, value.c1];
  const coefficients = sixes.flatMap((six) => [six.c0, six.c1, six.c2]).flatMap((two) => [two.c0, two.c1]);
  return join(...coefficients.map(fieldBytes));
}

function fieldBytes(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(field_bytes * 2, "0"), "hex").reverse());
}

function sized(bytes: Uint8Array): Uint8Array {
  return join(u64(bytes.length), bytes);
}

function takeSized(reader: ScaleReader): Uint8Array {
  return reader.take(Number(reader.u64()));
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, index) => byte ^ (b[index] ?? 0));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
