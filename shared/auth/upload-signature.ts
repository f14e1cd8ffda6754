import { createHash, randomUUID } from "node:crypto";
import { sr25519Verify, waitReady } from "@polkadot/wasm-crypto";
import { publicKeyOf } from "./ss58.ts";

/** What an upload's signature covers (contract §3). */
export interface UploadClaim {
  readonly netuid: number;
  /** The record's slug, however the path names the challenge. */
  readonly slug: string;
  readonly method: string;
  /** The path without its query. */
  readonly path: string;
  readonly hotkey: string;
  readonly nonce: string;
  /** Seconds since the Unix epoch, as the text of the header. */
  readonly timestamp: string;
  /** 64 lower case hex digits. */
  readonly body_sha256: string;
}

/** Anything that can sign: a @polkadot/keyring pair, or a `Hotkey` of `#shared/chain/hotkey.ts`. */
export interface UploadSigner {
  readonly address: string;
  sign(message: Uint8Array): Uint8Array;
}

export interface UploadToSign {
  readonly netuid: number;
  readonly slug: string;
  readonly body: Uint8Array;
  /** Defaults to the slug's own upload route. */
  readonly path?: string;
  /** Defaults to a random UUID. */
  readonly nonce?: string;
  /** Seconds since the Unix epoch. */
  readonly timestamp: number;
}

/** The text that a miner signs, as UTF-8 (contract §3). */
export function uploadText(claim: UploadClaim): string {
  const { netuid, slug, method, path, hotkey, nonce, timestamp, body_sha256 } = claim;
  return `platform-upload-v1:${netuid}:${slug}:${method}:${path}:${hotkey}:${nonce}:${timestamp}:${body_sha256}`;
}

/** The upload route of the challenge `name` (its slug, or its name percent-encoded). */
export function uploadPath(name: string): string {
  return `/v1/challenges/${encodeURIComponent(name)}/submissions`;
}

/** The four headers that make a POST of `body` to the upload route acceptable for 300 s around `timestamp`, once. */
export function signUpload(signer: UploadSigner, upload: UploadToSign): Record<string, string> {
  const { netuid, slug, body, path = uploadPath(slug), nonce = randomUUID() } = upload;
  const timestamp = String(upload.timestamp);
  const body_sha256 = createHash("sha256").update(body).digest("hex");
  const hotkey = signer.address;
  const text = uploadText({ netuid, slug, method: "POST", path, hotkey, nonce, timestamp, body_sha256 });
  const signature = Buffer.from(signer.sign(Buffer.from(text))).toString("hex");
  return { "x-hotkey": hotkey, "x-signature": `0x${signature}`, "x-nonce": nonce, "x-timestamp": timestamp };
}

/**
 * Whether `signature` (128 hex digits, `0x` optional) is the hotkey's sr25519 signature of the claim's text. Browser wallets
 * sign the text within `<Bytes>…</Bytes>`, which is accepted as well. False for malformed input; never throws.
 */
export async function isSignedUpload(claim: UploadClaim, signature: string): Promise<boolean> {
  const hex = /^(?:0x)?([0-9a-f]{128})$/i.exec(signature)?.[1];
  const publicKey = publicKeyOf(claim.hotkey);
  if (hex === undefined || publicKey === null) return false;
  await waitReady();
  const signatureBytes = Buffer.from(hex, "hex");
  const text = uploadText(claim);
  return [text, `<Bytes>${text}</Bytes>`].some((form) => sr25519Verify(signatureBytes, Buffer.from(form), publicKey));
}
