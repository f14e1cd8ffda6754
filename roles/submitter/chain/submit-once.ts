import { createHash } from "node:crypto";
import type { SubnetState } from "#shared/chain/chain.ts";
import type { Hotkey } from "#shared/chain/hotkey.ts";
import { afterEpoch, nextEpochBlock, revealRound } from "#shared/chain/schedule.ts";
import { encodeRevealPayload, encryptUntilRound } from "#shared/chain/timelock.ts";
import { type ChainVector, upscaleValues } from "#shared/chain/weights-vector.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Journal, JournalEntry, Settlement } from "../journal.ts";
import { type ChainRefusal, refusalByName } from "./chain-errors.ts";
import { preflight } from "./preflight.ts";
import { reconcile } from "./settle.ts";
import type { WeightsCall } from "./sign-call.ts";
import type { WeightsChain } from "./weights-chain.ts";

export interface Submission {
  readonly chain: WeightsChain;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly hotkey: Hotkey;
  readonly netuid: number;
  readonly mechanism: number;
  readonly vector: ChainVector;
  readonly version_key: bigint;
  /** The key of the beacon whose rounds open timelocked commits. */
  readonly beacon_public_key: string;
  /** Called when a block holds the extrinsic; that block may still be undone. */
  included?(block_hash: string): void;
}

/** The result of one attempt. */
export type SubmissionResult =
  | { readonly kind: "waiting"; readonly until_block: number }
  | { readonly kind: "refused"; readonly refusal: ChainRefusal }
  | { readonly kind: "settled"; readonly settlement: Settlement }
  /** Sent with an unknown outcome: it must be settled before anything else is sent. */
  | { readonly kind: "pending"; readonly reason: string };

/** Settles the pending entry of a former attempt or run from finalized state. Null when it is still open, or when there is none. */
export async function settlePending(chain: WeightsChain, journal: Journal): Promise<Settlement | null> {
  if (journal.pending === null) return null;
  const verdict = await reconcile(chain, journal.pending);
  return verdict === "wait" ? null : await journal.settle(verdict);
}

/**
 * Sends a vector at most once (chain §6). It reads everything at one block, sends nothing that the chain would refuse, and
 * writes to the journal before it sends. Only a final block or finalized state settles the outcome. It sends plain weights or a
 * timelocked commit, as the subnet demands.
 *
 * @throws ChainUnreachableError when the chain cannot be read; nothing is sent then
 */
export async function submitOnce(submission: Submission): Promise<SubmissionResult> {
  const { chain, journal, hotkey, netuid, mechanism } = submission;
  if (journal.pending !== null) return { kind: "pending", reason: "an earlier submission is not settled" };
  const state = await chain.readSubnet({ netuid, mechanism, hotkey: hotkey.address });
  const flight = preflight(state, submission.vector, submission.version_key);
  if (flight.kind === "wait") return { kind: "waiting", until_block: flight.until_block };
  if (flight.kind === "refused") return { kind: "refused", refusal: refusalByName(flight.name) };
  if (state.isCommitRevealEnabled && !(await canReveal(chain, state))) {
    // No plain weights instead: they would be public too early, and the chain would refuse them.
    return { kind: "refused", refusal: { name: "CommitRevealFormUnsupported", isPermanent: true } };
  }
  const block_time_ms = await chain.blockTimeMs();
  const { call, commit } = state.isCommitRevealEnabled
    ? committed(submission, state, block_time_ms)
    : plain(submission);
  const era_blocks = limits.chain.era_blocks;
  const birth = await eraBirth(chain, state, era_blocks);
  const signed = await chain.sign(call, { hotkey, nonce: state.nonce, birth, era_blocks });
  await journal.begin({
    genesis_hash: await chain.genesisHash(),
    netuid,
    mechanism,
    hotkey: hotkey.address,
    kind: call.kind,
    extrinsic_hash: signed.hash,
    nonce: state.nonce,
    era_birth: birth.block,
    era_end: signed.era_end,
    last_update_before: state.last_update,
    vector_digest: vectorDigest(submission.vector),
    uids: [...submission.vector.uids],
    values: upscaleValues(submission.vector.values),
    ...(commit === undefined ? {} : { commit }),
  });
  const deadline_ms = (signed.era_end - state.block + limits.chain.finality_blocks_max) * block_time_ms;
  const end = await chain.submit(signed, {
    clock: submission.clock,
    deadline_ms,
    included: (block_hash) => submission.included?.(block_hash),
  });
  switch (end.kind) {
    case "refused":
      return {
        kind: "settled",
        settlement: await journal.settle({ outcome: "refused", block: null, error: end.refusal.name }),
      };
    case "finalized": {
      const { block, refusal } = end.in_block;
      const outcome = refusal === null ? "landed" : "failed";
      return { kind: "settled", settlement: await journal.settle({ outcome, block, error: refusal?.name ?? null }) };
    }
    case "unknown":
      return { kind: "pending", reason: end.reason };
  }
}

/** The digest of a vector: SHA-256 over its uids and values. */
export function vectorDigest({ uids, values }: ChainVector): string {
  return createHash("sha256")
    .update(JSON.stringify([uids, values]))
    .digest("hex");
}

async function canReveal(chain: WeightsChain, state: SubnetState): Promise<boolean> {
  return state.reveal_period_epochs !== null && (await chain.canCommitTimelocked(state.mechanism));
}

/** The finalized head, which cannot be undone. The best block when finality lags by more than half an era. */
async function eraBirth(chain: WeightsChain, state: SubnetState, era_blocks: number) {
  const finalized = await chain.finalizedHead();
  return state.block - finalized.block <= era_blocks / 2
    ? finalized
    : { block: state.block, block_hash: state.block_hash };
}

interface Prepared {
  readonly call: WeightsCall;
  readonly commit?: NonNullable<JournalEntry["commit"]>;
}

function plain({ netuid, mechanism, vector, version_key }: Submission): Prepared {
  return { call: { kind: "set", netuid, mechanism, uids: vector.uids, values: vector.values, version_key } };
}

function committed(submission: Submission, state: SubnetState, block_time_ms: number): Prepared {
  const { netuid, mechanism, vector, version_key, hotkey, clock } = submission;
  const reveal_round = revealRound({
    state: state.epoch,
    head: state.block,
    reveal_period_epochs: state.reveal_period_epochs ?? 1,
    now_ms: clock.now(),
    block_time_ms,
  });
  const payload = encodeRevealPayload({ hotkey_public_key: hotkey.public_key, ...vector, version_key });
  const commit = encryptUntilRound(payload, reveal_round, submission.beacon_public_key);
  if (commit.length > limits.chain.commit_bytes_max)
    throw new Error(`the commit of ${commit.length} bytes is too long for the chain`);
  const { commit_reveal_version } = state;
  return {
    call: { kind: "commit", netuid, mechanism, commit, reveal_round, commit_reveal_version },
    commit: { bytes: `0x${Buffer.from(commit).toString("hex")}`, epoch: commitEpoch(state), reveal_round },
  };
}

/** The epoch of a commit that lands in the next block. */
function commitEpoch({ epoch, block, netuid }: SubnetState): number {
  if (epoch.kind === "computed") return Math.floor((block + 1 + netuid + 1) / (epoch.tempo + 1));
  const landing = nextEpochBlock(epoch, block) === block + 1 ? afterEpoch(epoch, block + 1) : epoch;
  return landing.kind === "stateful" ? landing.epoch_index : epoch.epoch_index;
}
