import { isSignedUpload, type UploadClaim } from "#shared/auth/upload-signature.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { headerOf, type RequestHead } from "../http/request-head.ts";

/** What a miner says of its upload, not yet believed. */
export type MinerHeaders = Pick<UploadClaim, "hotkey" | "nonce" | "timestamp"> & { readonly signature: string };

/**
 * Reads the four headers, in the contract's order.
 *
 * @throws ProblemError 401 when one is missing, or the timestamp is no integer
 */
export function readMinerHeaders(head: RequestHead): MinerHeaders {
  const [hotkey, signature, nonce, timestamp] = ["x-hotkey", "x-signature", "x-nonce", "x-timestamp"].map((name) => {
    const value = headerOf(head.headers, name);
    if (!value) throw new ProblemError(401, "missing_header", `missing ${name}`);
    return value;
  }) as [string, string, string, string];
  if (!/^[+-]?\d+$/.test(timestamp)) throw new ProblemError(401, "invalid_timestamp", "invalid timestamp");
  return { hotkey, signature, nonce, timestamp };
}

/** @throws ProblemError 401 when the timestamp is further from now than allowed */
export function checkAge(timestamp: string, now_ms: number): void {
  // Whole seconds, as the first generation compared them; the bound itself is allowed.
  const age_seconds = Math.abs(Math.floor(now_ms / 1_000) - Number(timestamp));
  if (age_seconds > limits.proxy.signature_age_ms_max / 1_000) {
    throw new ProblemError(401, "stale_signature", "stale signature");
  }
}

/** @throws ProblemError 401 unless the miner has signed a body of this digest for this challenge */
export async function checkSignature(
  head: RequestHead,
  miner: MinerHeaders,
  body_sha256: string,
  target: { readonly netuid: number; readonly slug: string },
): Promise<void> {
  const { signature, ...claimed } = miner;
  for (const path of new Set([head.path, decodedPath(head.path)])) {
    const claim = { ...target, ...claimed, method: head.method, path, body_sha256 };
    if (await isSignedUpload(claim, signature)) return;
  }
  throw new ProblemError(401, "invalid_signature", "invalid signature");
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return path;
  }
}
