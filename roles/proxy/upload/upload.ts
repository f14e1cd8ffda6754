import { callChallenge } from "#shared/auth/challenge-call.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import type { Clock } from "#shared/time/clock.ts";
import { relay } from "../http/answers.ts";
import { withBody } from "../http/body.ts";
import type { ByteBudget } from "../http/byte-budget.ts";
import type { Call } from "../http/call.ts";
import { headerOf } from "../http/request-head.ts";
import type { PassThrough } from "../pass-through/pass-through.ts";
import { addressOf } from "../upstream/connections.ts";
import { exchange, type UpstreamAnswer } from "../upstream/exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { checkAge, checkRegistration, checkSignature, readMinerHeaders } from "./checks.ts";
import type { Nonces, NonceUse } from "./nonces.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Registrations } from "./registrations.ts";
import type { SubmissionsSeen } from "./submissions-seen.ts";

export interface Uploads extends PassThrough {
  readonly netuid: number;
  readonly master_key: string;
  readonly submission_bytes_max: number;
  readonly metagraph_age_ms_max: number;
  /** Hotkeys that may upload without a uid. */
  readonly allowlist: ReadonlySet<string>;
  readonly nonces: Nonces;
  readonly registrations: Registrations;
  readonly seen: SubmissionsSeen;
  readonly clock: Clock;
  readonly log: Logger;
  readonly per_hotkey: RateLimit;
  readonly per_address: RateLimit;
  /** For the bodies, which are held until the challenge has them. */
  readonly memory: ByteBudget;
}

/** An upload that passed every check but the nonce's. */
interface VerifiedUpload extends Omit<NonceUse, "used_at"> {
  readonly uid: number | null;
  readonly body: Buffer;
  readonly body_sha256: string;
}

/** Answers `POST /v1/challenges/{segment}/submissions`: the checks of contract §3 in its order, then the challenge's own answer. */
export async function upload(uploads: Uploads, call: Call, segment: string): Promise<void> {
  const challenge = await uploads.directory.activeChallenge(segment);
  uploads.per_address.take(call.client.address);
  await withBody(call, uploads.submission_bytes_max, uploads.memory, async (body) => {
    if (body === null) throw new ProblemError(413, "submission_too_large", "Submission too large");
    await accept(uploads, call, challenge, await verify(uploads, call, challenge, body));
  });
}

async function accept(uploads: Uploads, call: Call, challenge: Challenge, verified: VerifiedUpload): Promise<void> {
  const used_at = new Date(uploads.clock.now());
  const { netuid, slug, hotkey, nonce } = verified;
  const use = { netuid, slug, hotkey, nonce, used_at };
  if (!(await uploads.nonces.reserve(use))) throw new ProblemError(409, "nonce_already_used", "nonce already used");
  const answer = await deliver(uploads, call, challenge, verified).catch(async (error: unknown) => {
    // Nobody has received it: the miner may send the very same request again.
    if (error instanceof UpstreamError && error.kind !== "broken") await release(uploads, use);
    throw error;
  });
  await record(uploads, call, verified, answer.status, used_at);
  await relay(answer, call);
}

async function verify(uploads: Uploads, call: Call, challenge: Challenge, body: Buffer): Promise<VerifiedUpload> {
  const { netuid, clock } = uploads;
  const { slug } = challenge.spec;
  const miner = readMinerHeaders(call.head);
  checkAge(miner.timestamp, clock.now());
  const body_sha256 = await checkSignature(call.head, miner, body, { netuid, slug });
  const uid = await checkRegistration(uploads.registrations, miner.hotkey, {
    allowlist: uploads.allowlist,
    oldest: new Date(clock.now() - uploads.metagraph_age_ms_max),
  });
  uploads.per_hotkey.take(miner.hotkey);
  return { netuid, slug, hotkey: miner.hotkey, nonce: miner.nonce, uid, body, body_sha256 };
}

async function deliver(
  uploads: Uploads,
  call: Call,
  challenge: Challenge,
  verified: VerifiedUpload,
): Promise<UpstreamAnswer> {
  const base = new URL(uploads.resolve(challenge.spec));
  const sendWith = (token: string) => {
    const target = `/internal/v1/bridge/submissions${call.head.query}`;
    const headers = bridgeHeaders(call, base.host, token, verified);
    const request = { method: "POST", target, headers, body: verified.body };
    return exchange(uploads.connections, addressOf(base), request, call.signal);
  };
  return await callChallenge(challenge, uploads.master_key, sendWith, (answer) => answer.discard());
}

function bridgeHeaders(
  { head, client }: Call,
  host: string,
  token: string,
  verified: VerifiedUpload,
): [string, string][] {
  const { slug, hotkey, nonce, uid, body_sha256 } = verified;
  const filename = headerOf(head.headers, "x-submission-filename");
  return [
    ["Host", host],
    ["Authorization", `Bearer ${token}`],
    ["X-Platform-Challenge-Slug", slug],
    ["X-Platform-Verified-Hotkey", hotkey],
    ["X-Platform-Verified-Nonce", nonce],
    ...(uid === null ? [] : [["X-Platform-Verified-Uid", String(uid)] as [string, string]]),
    ["X-Platform-Request-Hash", body_sha256],
    ["Content-Type", headerOf(head.headers, "content-type") || "application/octet-stream"],
    ["Accept", "application/json"],
    ["Accept-Encoding", "identity"],
    ...(filename === undefined ? [] : [["X-Submission-Filename", filename] as [string, string]]),
    ["X-Request-Id", head.request_id],
    ["X-Forwarded-For", client.forwarded.for],
    ["X-Forwarded-Proto", client.forwarded.proto],
    ["X-Forwarded-Host", client.forwarded.host],
  ];
}

async function release({ nonces, log }: Uploads, use: NonceUse): Promise<void> {
  const { slug, hotkey } = use;
  await nonces
    .release(use)
    .catch((err: unknown) => log.error({ err, slug, hotkey }, "a nonce could not be given back"));
}

/** The challenge has the upload: a record that cannot be written must not make the miner believe otherwise. */
async function record(
  { seen, log }: Uploads,
  { head }: Call,
  { body, nonce: _, ...verified }: VerifiedUpload,
  status: number,
  received_at: Date,
): Promise<void> {
  const entry = { ...verified, request_id: head.request_id, body_bytes: body.length, status, received_at };
  await seen.add(entry).catch((err: unknown) => log.error({ err, ...entry }, "a submission could not be recorded"));
}
