import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { signUpload, type UploadSigner, uploadPath } from "#shared/auth/upload-signature.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { problemSentence } from "#shared/schemas/problem.ts";

export interface Upload {
  readonly proxy_url: string;
  readonly netuid: number;
  readonly slug: string;
  readonly signer: UploadSigner;
  readonly body: Uint8Array;
  /** Seconds since the Unix epoch. */
  readonly timestamp: number;
}

export interface Submission {
  readonly id: string;
  readonly status: string;
  readonly score: number | null;
  readonly failure: { readonly fault: string; readonly code: string; readonly detail: string } | null;
}

const answer_ms_max = 60_000;

/** Signs `body` and uploads it through the proxy. @throws ProblemError with the code and sentence of the refusal */
export async function upload({ proxy_url, netuid, slug, signer, body, timestamp }: Upload): Promise<Submission> {
  return await ask(`${proxy_url}${uploadPath(slug)}`, {
    method: "POST",
    headers: { ...signUpload(signer, { netuid, slug, body, timestamp }), "content-type": "application/gzip" },
    body: new Uint8Array(body),
  });
}

/** Asks the challenge for the present state of a submission. */
export async function readSubmission(proxy_url: string, slug: string, id: string): Promise<Submission> {
  return await ask(`${proxy_url}${uploadPath(slug)}/${encodeURIComponent(id)}`, {});
}

/** Packs one file into a gzip tar, the format in which challenges take submissions. */
export async function packProgram(name: string, content: Uint8Array): Promise<Uint8Array> {
  const archive = pack();
  const bytes = Array.fromAsync(archive as AsyncIterable<Buffer>);
  archive.entry({ name, mode: 0o644, mtime: new Date(0) }, Buffer.from(content));
  archive.finalize();
  return gzipSync(Buffer.concat(await bytes));
}

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(answer_ms_max) });
  const text = await response.text();
  const body = text.startsWith("{") ? JSON.parse(text) : {};
  if (response.ok) return body as T;
  throw new ProblemError(
    response.status,
    body.code ?? "unknown",
    body.detail ? problemSentence(body) : `the proxy answered ${response.status}`,
  );
}
