import { callChallenge } from "#shared/auth/challenge-call.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { ByteBudget } from "../bounds/byte-budget.ts";
import { relay } from "../http/answers.ts";
import { digestBody, type HeldBody, holdBody, tooLarge } from "../http/body.ts";
import type { Call } from "../http/call.ts";
import type { TrustedProxies } from "../http/client-address.ts";
import type { PassThrough } from "../pass-through/pass-through.ts";
import { addressOf } from "../upstream/connections.ts";
import { exchange } from "../upstream/exchange.ts";
import type { UpstreamAnswer } from "../upstream/running-exchange.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { bridgeHeaders } from "./bridge-headers.ts";
import type { Nonces, NonceUse } from "./nonces.ts";
import type { RateLimit } from "./rate-limit.ts";
import { checkRegistration, type Registrations } from "./registrations.ts";
import { checkAge, checkSignature, type MinerHeaders, readMinerHeaders } from "./signature.ts";
import type { SubmissionSeen, SubmissionsSeen } from "./submissions-seen.ts";

export interface Uploads extends PassThrough {
  readonly netuid: number;
  readonly trusted: TrustedProxies;
  readonly masterKey: string;
  readonly submission_bytes_max: number;
  readonly metagraph_age_ms_max: number;
  /** Hotkeys that may upload without a uid. */
  readonly allowlist: ReadonlySet<string>;
  readonly nonces: Nonces;
  readonly registrations: Registrations;
  readonly seen: SubmissionsSeen;
  readonly clock: Clock;
  readonly log: Logger;
  readonly perHotkey: RateLimit;
  readonly perAddress: RateLimit;
  /** For the bodies. Each is held until the challenge has it. */
  readonly memory: ByteBudget;
}

/** An upload that passed every check but the nonce's. */
interface VerifiedUpload extends Omit<NonceUse, "used_at"> {
  readonly uid: number | null;
  readonly body: HeldBody;
}

/** What is known before the body has come: the uid, or why the upload is refused if its signature holds. */
type Standing = { readonly uid: number | null } | { readonly refusal: unknown };

/**
 * Answers `POST /v1/challenges/{segment}/submissions`: the checks of contract §3 in its order, then the challenge's own answer.
 *
 * - What needs no body is checked before the client is asked for one.
 * - A body is held only when its upload may pass.
 * - The contract checks the signature before the registration. So a miner who is refused for the latter sends the body all the same:
 *   it is digested and dropped, and a wrong signature is refused first.
 */
export async function upload(uploads: Uploads, call: Call, segment: string): Promise<void> {
  const challenge = await uploads.directory.activeChallenge(segment);
  uploads.perAddress.take(call.client.address);
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
 * The miner's headers. Size and age are right.
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
    // The size is refused first, and that of a chunked body is known only at its end.
    if (call.head.body_bytes === null && !call.isWaiting) await digestBody(call, submission_bytes_max);
    throw refusal;
  }
}

async function standingOf(uploads: Uploads, hotkey: string): Promise<Standing> {
  const { registrations, allowlist, clock, metagraph_age_ms_max, perHotkey } = uploads;
  try {
    const oldest = new Date(clock.now() - metagraph_age_ms_max);
    const uid = await checkRegistration(registrations, hotkey, { allowlist, oldest });
    perHotkey.check(hotkey);
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
    // The challenge has not received it: the miner may send the same request again.
    if (error instanceof UpstreamError && error.kind !== "broken") await release(uploads, use);
    throw error;
  });
  // A client that reads the answer slowly does not keep its body in memory.
  verified.body.release();
  await record(uploads, call, verified, { status: answer.status, received_at: used_at });
  await relay(answer, call);
}

async function verify(
  { netuid, perHotkey }: Uploads,
  { head }: Call,
  { spec: { slug } }: Challenge,
  { miner, body, uid }: { readonly miner: MinerHeaders; readonly body: HeldBody; readonly uid: number | null },
): Promise<VerifiedUpload> {
  await checkSignature(head, miner, body.sha256, { netuid, slug });
  perHotkey.take(miner.hotkey);
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
    const headers = bridgeHeaders(call, { host: base.host, token, ...verified });
    // A challenge that answers slowly does not keep the body in memory, unless the body may be sent again with another token.
    const onSent = () => void (challenge.token_rotating || verified.body.release());
    const { pieces, bytes } = verified.body;
    const request = { method: "POST", target, headers, body: { pieces, bytes, onSent } };
    return exchange(uploads.connections, addressOf(base), request, call.signal);
  };
  return await callChallenge(challenge, uploads.masterKey, sendWith, (answer) => answer.discard());
}

async function release({ nonces, log }: Uploads, use: NonceUse): Promise<void> {
  const { slug, hotkey } = use;
  await nonces
    .release(use)
    .catch((err: unknown) =>
      log.error({ err, slug, hotkey }, "a nonce could not be given back: the miner must sign again with a new one"),
    );
}

/** Records what the challenge has. A failure is logged and not answered: the miner would believe that the upload failed. */
async function record(
  { seen, log }: Uploads,
  { head }: Call,
  { body, nonce: _, ...verified }: VerifiedUpload,
  { status, received_at }: Pick<SubmissionSeen, "status" | "received_at">,
): Promise<void> {
  const { bytes: body_bytes, sha256: body_sha256 } = body;
  const entry = { ...verified, body_sha256, body_bytes, request_id: head.requestId, status, received_at };
  await seen
    .add(entry)
    .catch((err: unknown) =>
      log.error({ err, ...entry }, "an upload could not be recorded in submissions_seen, though the challenge has it"),
    );
}
