import type { SubnetState } from "#shared/chain/chain.ts";
import { isWindowOpen, nextEpochBlock, windowOpensAt } from "#shared/chain/schedule.ts";
import type { ChainVector } from "#shared/chain/weights-vector.ts";

/** Whether a vector may be sent in the next block. A refusal has the name that the chain itself would answer. */
export type Preflight =
  | { readonly kind: "go" }
  | { readonly kind: "wait"; readonly until_block: number }
  | { readonly kind: "refused"; readonly name: string };

const u16_max = 65_535;
/** An extrinsic that is sent this close before an epoch may land after it. */
const edge_blocks = 2;
/** Shorter epochs are too short to keep a distance from their edges. */
const tempo_with_edge_min = 10;

/** The chain's checks in its order, without asking it (chain §3, §4). */
export function preflight(state: SubnetState, vector: ChainVector, version_key: bigint): Preflight {
  const name = refusalName(state, vector, version_key);
  if (name !== undefined) return { kind: "refused", name };
  const landing = state.block + 1;
  if (!isWindowOpen(landing, state.last_update, state.rate_limit_blocks)) {
    return { kind: "wait", until_block: windowOpensAt(state.last_update, state.rate_limit_blocks) };
  }
  const edge =
    state.epoch.tempo >= tempo_with_edge_min ? nextEpochBlock(state.epoch, state.block) : Number.POSITIVE_INFINITY;
  return edge - state.block <= edge_blocks ? { kind: "wait", until_block: edge + 1 } : { kind: "go" };
}

function refusalName(state: SubnetState, { uids, values }: ChainVector, version_key: bigint): string | undefined {
  if (!state.exists) return "SubnetNotExists";
  if (uids.length > state.neuron_count) return "UidsLengthExceedUidsInSubNet";
  if (state.uid === null) return "HotKeyNotRegisteredInSubNet";
  if (state.stake !== null && state.stake < state.stake_threshold) return "NotEnoughStakeToSetWeights";
  if (state.version_key !== 0n && version_key < state.version_key) return "IncorrectWeightVersionKey";
  const isSelfWeight = uids.length === 1 && uids[0] === state.uid;
  if (!isSelfWeight && !state.validator_permit) return "NeuronNoValidatorPermit";
  if (uids.some((uid) => uid >= state.neuron_count)) return "UidVecContainInvalidOne";
  if (!isSelfWeight && uids.length < Math.min(state.min_allowed_weights, state.neuron_count))
    return "WeightVecLengthIsLow";
  const sum = values.reduce((total, value) => total + value, 0);
  const isCapped = state.max_weights_limit < u16_max && Math.max(...values) / sum > state.max_weights_limit / u16_max;
  return isCapped && !isSelfWeight ? "MaxWeightExceeded" : undefined;
}
