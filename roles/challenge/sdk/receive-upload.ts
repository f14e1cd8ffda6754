import { createHash } from "node:crypto";
import type { Static, TObject } from "@sinclair/typebox";
import { requestBytes } from "#shared/http/bounded-body.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { acceptArchive } from "./accept-archive.ts";
import type { ChallengeContext, ChallengeDefinition } from "./define-challenge.ts";
import type { Submission } from "./store/submission.ts";
import type { Upload } from "./upload.ts";

const bounds = {
  bytes_max: limits.challenge_sdk.submission_bytes_max,
  ms_max: limits.challenge_sdk.submission_ms_max,
  tooLarge: () => new ProblemError(413, "submission_too_large", "Submission too large"),
};

/** Stores an upload that the proxy forwards (contract §3). Identity and digest come from the verified headers; the body is bounded. */
export async function receiveUpload<S extends TObject>(
  request: Request,
  definition: ChallengeDefinition<S>,
  context: ChallengeContext<Static<S>>,
): Promise<{ readonly kind: "new" | "known"; readonly submission: Submission }> {
  const { headers } = request;
  const hotkey = verified(headers, "x-platform-verified-hotkey", /^[1-9A-HJ-NP-Za-km-z]{1,64}$/);
  const nonce = verified(headers, "x-platform-verified-nonce", /^.{1,256}$/);
  const expected = verified(headers, "x-platform-request-hash", /^[0-9a-f]{64}$/i).toLowerCase();
  const uid = /^\d{1,5}$/.exec(headers.get("x-platform-verified-uid") ?? "")?.[0];
  const body = await requestBytes(request, bounds);
  const sha256 = createHash("sha256").update(body).digest("hex");
  if (sha256 !== expected)
    throw new ProblemError(400, "request_hash_mismatch", "The body is not the one whose hash was verified");
  const upload = {
    hotkey,
    nonce,
    uid: uid === undefined ? null : Number(uid),
    sha256,
    filename: (headers.get("x-submission-filename") ?? "submission").slice(0, 255),
    content_type: (headers.get("content-type") ?? "application/octet-stream").slice(0, 255),
    body,
  };
  const received = context.submissions.receive(upload, await accepted(upload, definition, context));
  switch (received.kind) {
    case "too_many_pending":
      throw new ProblemError(429, "too_many_pending", "Too many submissions of this hotkey are unfinished");
    case "full":
      throw new ProblemError(503, "storage_full", "The challenge cannot store more submissions");
    default:
      return received;
  }
}

/** What is kept of an upload: what the definition answers, else the archive that it has to be. */
async function accepted<S extends TObject>(
  upload: Upload,
  { accept, archives }: ChallengeDefinition<S>,
  context: ChallengeContext<Static<S>>,
): Promise<Uint8Array> {
  return await (accept?.(upload, context) ?? acceptArchive(upload.body, { rules: archives }));
}

function verified(headers: Headers, name: string, form: RegExp): string {
  const value = headers.get(name) ?? "";
  if (!form.test(value))
    throw new ProblemError(400, "missing_verified_header", `The header ${name} is missing or wrong`);
  return value;
}
