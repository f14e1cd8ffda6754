import { Keyring } from "@polkadot/keyring";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { signUpload, type UploadSigner } from "#shared/auth/upload-signature.ts";

await cryptoWaitReady();

/** A miner's key by its development name, for example `//Alice`. */
export function minerOf(name: string): UploadSigner {
  return new Keyring({ type: "sr25519", ss58Format: 42 }).addFromUri(name);
}

export interface UploadOptions {
  readonly miner?: UploadSigner;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly netuid?: number;
  readonly slug?: string;
  /** The signed path. By default the slug's own route. */
  readonly path?: string;
  readonly nonce?: string;
  /** Seconds; now by default. */
  readonly timestamp?: number;
  /** Headers that replace the signed ones. Null leaves a header out. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** A signed upload to the challenge demo of netuid 7, as a request for `fetch`. */
export function uploadRequest(options: UploadOptions = {}): RequestInit {
  const { miner = minerOf("//Alice"), body = Buffer.from("print(1)"), netuid = 7, slug = "demo" } = options;
  const { timestamp = Math.floor(Date.now() / 1_000), path, nonce } = options;
  const extra = { ...(path === undefined ? {} : { path }), ...(nonce === undefined ? {} : { nonce }) };
  const signed = signUpload(miner, { netuid, slug, body, timestamp, ...extra });
  const headers = Object.entries({ ...signed, ...options.headers }).filter(
    (entry): entry is [string, string] => entry[1] !== null,
  );
  return { method: "POST", headers, body };
}
