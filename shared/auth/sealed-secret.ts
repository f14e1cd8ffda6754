import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const nonce_bytes = 12;
const tag_bytes = 16;

/**
 * Seals a secret for the database with AES-256-GCM (NIST SP 800-38D). HKDF-SHA256 derives the key from the master key, for
 * `purpose`. The secret opens only with the same `context`.
 *
 * @returns nonce (12 bytes), tag (16 bytes), ciphertext
 */
export function sealSecret(masterKey: string, purpose: string, context: string, secret: string): Buffer {
  const nonce = randomBytes(nonce_bytes);
  const cipher = createCipheriv("aes-256-gcm", keyOf(masterKey, purpose), nonce);
  cipher.setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Opens what `sealSecret` made. @throws Error for another key, purpose or context, and for changed bytes */
export function openSecret(masterKey: string, purpose: string, context: string, sealed: Uint8Array): string {
  const body = nonce_bytes + tag_bytes;
  if (sealed.length < body) throw new Error("the sealed secret is too short");
  const options = { authTagLength: tag_bytes };
  const decipher = createDecipheriv("aes-256-gcm", keyOf(masterKey, purpose), sealed.subarray(0, nonce_bytes), options);
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(nonce_bytes, body));
  return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]).toString("utf8");
}

function keyOf(masterKey: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", masterKey, "", purpose, 32));
}
