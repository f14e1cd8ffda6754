import { callChallenge } from "#shared/auth/challenge-call.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import type { Clock } from "#shared/time/clock.ts";
import { relay } from "../http/answers.ts";
import { digestBody, type HeldBody, holdBody, tooLarge } from "../http/body.ts";
import type { ByteBudget } from "../http/byte-budget.ts";
import type { Call } from "../http/call.ts";
import type { TrustedProxies } from "../http/client-address.ts";
import { headerOf } from "../http/request-head.ts";
import type { PassThrough } from "../pass-through/pass-through.ts";
import { addressOf } from "../upstream/connections.ts";
import { exchange, type UpstreamAnswer } from "../upstream/exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { checkAge, checkRegistration, checkSignature, type MinerHeaders, readMinerHeaders } from "./checks.ts";
import type { Nonces, NonceUse } from "./nonces.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Registrations } from "./registrations.ts";
import type { SubmissionsSeen } from "./submissions-seen.ts";

export interface Uploads extends PassThrough {
  readonly netuid: number;
  readonly trusted: TrustedProxies;
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
  readonly body: HeldBody;
}

/** What is known of an upload before its body: who sends it, or why it is refused when its signature holds. */
type Standing = { readonly uid: number | null } | { readonly refusal: unknown };

/**
 * Answers `POST /v1/challenges/{segment}/submissions`: the checks of contract §3 in its order, then the challenge's own answer.
 * What needs no body is checked before one is asked for, and only a body whose upload may pass is held. A refusal that the
 * signature's comes before waits for it: the body then is digested and dropped.
 */
export async function upload(uploads: Uploads, call: Call, segment: string): Promise<void> {
  const challenge = await uploads.directory.activeChallenge(segment);
  uploads.per_address.take(call.client.address);
  call.place.enterChallenge(challenge.spec.slug);
  const miner = await readMiner(uploads, call);
  const standing = await standingOf(uploads, miner.hotkey);
  if ("refusal" in standing) {
    const body = await digestBody(call, uploads.submission_bytes_max);
    await checkSignature(call.head, miner, body.sha256, { netuid: uploads.netuid, slug: challenge.spec.slug });
    throw standing.refusal;
  }
  const { memory, trusted, submission_bytes_max: bytes_max } = uploads;
  const share = trusted.has(call.client.address) ? null : call.client.address;
  const body = await holdBody(call, { bytes_max, memory, share });
  try {
    await accept(uploads, call, challenge, await verify(uploads, call, challenge, { miner, body, uid: standing.uid }));
  } finally {
    body.release();
  }
}

/**
 * The miner's headers, once size and age are right.
 *
 * @throws ProblemError 413, then 401
 */
async function readMiner({ clock, submission_bytes_max }: Uploads, call: Call): Promise<MinerHeaders> {
  try {
    if ((call.head.body_bytes ?? 0) > submission_bytes_max) throw tooLarge();
    const miner = readMinerHeaders(call.head);
    checkAge(miner.timestamp, clock.now());
    return miner;
  } catch (refusal) {
    // Size comes first, and that of a chunked body is known at its end.
    if (call.head.body_bytes === null && !call.is_waiting) await digestBody(call, submission_bytes_max);
    throw refusal;
  }
}

async function standingOf(uploads: Uploads, hotkey: string): Promise<Standing> {
  const { registrations, allowlist, clock, metagraph_age_ms_max, per_hotkey } = uploads;
  try {
    const oldest = new Date(clock.now() - metagraph_age_ms_max);
    const uid = await checkRegistration(registrations, hotkey, { allowlist, oldest });
    per_hotkey.check(hotkey);
    return { uid };
  } catch (refusal) {
    return { refusal };
  }
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
  // A client that reads the answer slowly does not keep its body in memory.
  verified.body.release();
  await record(uploads, call, verified, answer.status, used_at);
  await relay(answer, call);
}

async function verify(
  { netuid, per_hotkey }: Uploads,
  { head }: Call,
  { spec: { slug } }: Challenge,
  { miner, body, uid }: { readonly miner: MinerHeaders; readonly body: HeldBody; readonly uid: number | null },
): Promise<VerifiedUpload> {
  await checkSignature(head, miner, body.sha256, { netuid, slug });
  per_hotkey.take(miner.hotkey);
  return { netuid, slug, hotkey: miner.hotkey, nonce: miner.nonce, uid, body };
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
    // A challenge that takes its time does not keep the body in memory, unless another token may be tried.
    const onSent = () => void (challenge.token_rotating || verified.body.release());
    const { pieces, bytes: length } = verified.body;
    const request = { method: "POST", target, headers, body: { pieces, length, onSent } };
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
  const { slug, hotkey, nonce, uid, body } = verified;
  const filename = headerOf(head.headers, "x-submission-filename");
  return [
    ["Host", host],
    ["Authorization", `Bearer ${token}`],
    ["X-Platform-Challenge-Slug", slug],
    ["X-Platform-Verified-Hotkey", hotkey],
    ["X-Platform-Verified-Nonce", nonce],
    ...(uid === null ? [] : [["X-Platform-Verified-Uid", String(uid)] as [string, string]]),
    ["X-Platform-Request-Hash", body.sha256],
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
  const { bytes: body_bytes, sha256: body_sha256 } = body;
  const entry = { ...verified, body_sha256, body_bytes, request_id: head.request_id, status, received_at };
  await seen.add(entry).catch((err: unknown) => log.error({ err, ...entry }, "a submission could not be recorded"));
}
