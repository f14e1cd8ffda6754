/** Decides an epoch's inputs and vector from answers and metagraph. Pure: `seal-epoch.ts` asks, and stores the result. */
import type { EpochInput } from "#shared/database/tables/epochs.ts";
import type { StoredMetagraph } from "#shared/database/tables/metagraph.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { PublishedVector, SourceChallenge } from "#shared/schemas/weights.ts";
import { aggregate, type SharePolicy } from "#shared/weights/aggregate.ts";
import type { Seal, SealedVector } from "#shared/weights/seal.ts";
import type { AskResult } from "./ask-challenge.ts";

/** The last answer of a challenge that could be used. */
export interface GoodAnswer {
  readonly epoch: number;
  readonly weights: Record<string, number>;
}

/** What counts for a challenge in this epoch: its answer; after a failure its last good answer, if there is one. */
export function inputFrom(
  asked: Pick<EpochInput, "slug" | "emission_percent" | "ms">,
  result: AskResult,
  good: GoodAnswer | undefined,
): EpochInput {
  if (result.ok) return { ...asked, ok: true, error: null, stale_from_epoch: null, ...result.answer };
  return {
    ...asked,
    ok: false,
    error: result.error.slice(0, limits.weights.error_chars_max),
    stale_from_epoch: good?.epoch ?? null,
    challenge_epoch: null,
    weights: good?.weights ?? {},
  };
}

interface VectorTerms {
  readonly netuid: number;
  readonly chainEndpoint: string;
  readonly policy: SharePolicy;
  readonly vector_ttl_ms: number;
}

/** The epoch's vector: the sealed members, and all published members. */
export function vectorOf(
  { netuid, chainEndpoint, policy, vector_ttl_ms }: VectorTerms,
  { epoch, now_ms }: { readonly epoch: number; readonly now_ms: number },
  inputs: readonly EpochInput[],
  metagraph: Pick<StoredMetagraph, "uid_by_hotkey" | "updated_at" | "block">,
): { readonly sealed: SealedVector; readonly published: Omit<PublishedVector, keyof Seal> } {
  const { uids, weights, hotkey_weights } = aggregate(inputs, metagraph.uid_by_hotkey, policy);
  const computed_at = new Date(now_ms).toISOString();
  const expires_at = new Date(now_ms + vector_ttl_ms).toISOString();
  const sealed: SealedVector = { netuid, epoch, uids, weights, computed_at, expires_at };
  const published = {
    ...sealed,
    uids: [...uids],
    weights: [...weights],
    chain_endpoint: chainEndpoint,
    hotkey_weights,
    source_challenges: inputs.map((input) => publishedSource(input, metagraph.uid_by_hotkey)),
    metagraph_updated_at: metagraph.updated_at.toISOString(),
    metagraph_block: metagraph.block,
    share_policy: policy,
  };
  return { sealed, published };
}

/**
 * The public part of an input. Hotkeys that are not in the subnet appear as a count and a sum: invented hotkeys must not make
 * the vector larger than validators accept.
 */
function publishedSource(
  { challenge_epoch: _, ms: __, weights, ...source }: EpochInput,
  uidByHotkey: ReadonlyMap<string, number>,
): SourceChallenge {
  const entries = Object.entries(weights);
  const unknown = entries.filter(([hotkey]) => !uidByHotkey.has(hotkey));
  const unknown_weight = unknown.reduce((total, [, weight]) => total + weight, 0);
  return {
    ...source,
    weights: Object.fromEntries(entries.filter(([hotkey]) => uidByHotkey.has(hotkey))),
    unknown_hotkeys: unknown.length,
    unknown_weight: Math.min(unknown_weight, Number.MAX_VALUE),
  };
}

/** Milliseconds until the next epoch is due. At most one epoch, even after the wall clock was set. */
export function msUntilDue(last_sealed_ms: number | null, now_ms: number, epoch_ms: number): number {
  if (last_sealed_ms === null) return 0;
  return Math.min(Math.max(0, last_sealed_ms + epoch_ms - now_ms), epoch_ms);
}
