import { join, u16, u64 } from "#shared/chain/scale.ts";
import { isWindowOpen } from "#shared/chain/schedule.ts";
import { storageIndex } from "#shared/chain/storage-index.ts";
import { upscaleValues } from "#shared/chain/weights-vector.ts";
import type { Call, SignedExtrinsic } from "./extrinsic.ts";
import { blake2_256 } from "./hashing.ts";
import { type DispatchErrorName, eventIndexes, poolCodes } from "./names.ts";
import type { State } from "./state.ts";
import { items } from "./storage-items.ts";
import { Subnet } from "./subnet.ts";

type SetWeights = Extract<Call, { kind: "set_weights" }>;
type CommitCall = Extract<Call, { kind: "commit" }>;

/** An event without its phase: pallet, variant, fields. */
export type EventBytes = Uint8Array;
export type Dispatched = { readonly error: DispatchErrorName } | { readonly events: readonly EventBytes[] };

/** Which error codes the pool answers. Older runtimes know only "stake too low". */
export type PoolCodes = "older" | "newer";

const u16_max = 65_535;
const unrevealed_commits_max = 10;

/** Why the pool refuses this call at once, as `Custom error: n`; undefined when it accepts the call. */
export function poolRefusal(
  state: State,
  extrinsic: SignedExtrinsic,
  block: number,
  codes: PoolCodes,
): number | undefined {
  const { call, signer } = extrinsic;
  if (call.kind === "remark") return undefined;
  const subnet = new Subnet(state, call.netuid);
  const uid = subnet.uidOf(signer);
  if (codes === "newer" && !subnet.exists) return poolCodes.no_subnet;
  if (codes === "newer" && uid === undefined) return poolCodes.not_registered;
  if (uid === undefined || !hasStake(subnet, signer)) return poolCodes.stake_too_low;
  if (codes === "older") return undefined;
  if (call.kind === "commit") {
    return call.reveal_round < state.read(items.last_stored_round).u64() ? poolCodes.bad_reveal_round : undefined;
  }
  const isLimited = !subnet.bool(items.commit_reveal_enabled) && !isWindow(subnet, call, uid, block);
  return isLimited ? poolCodes.rate_limit : undefined;
}

/** `set_weights` and `set_mechanism_weights` as extrinsics: refused while commit-reveal is on. */
export function setWeights(state: State, call: SetWeights, signer: Uint8Array, block: number): Dispatched {
  if (new Subnet(state, call.netuid).bool(items.commit_reveal_enabled)) return { error: "CommitRevealEnabled" };
  return applyWeights(state, call, signer, block);
}

/** Runs the checks of the runtime in its order, then stores the vector. A reveal runs it too. */
export function applyWeights(state: State, call: SetWeights, signer: Uint8Array, block: number): Dispatched {
  const subnet = new Subnet(state, call.netuid);
  const uid = subnet.uidOf(signer);
  const error = refusal(subnet, call, signer, block);
  if (error !== undefined || uid === undefined) return { error: error ?? "HotKeyNotRegisteredInSubNet" };
  const index = storageIndex(call.netuid, call.mechanism);
  const upscaled = upscaleValues(call.values);
  subnet.setWeights(
    index,
    uid,
    call.uids.map((target, at) => [target, upscaled[at] ?? 0]),
  );
  if (!subnet.bool(items.commit_reveal_enabled)) subnet.setLastUpdate(index, uid, block);
  return { events: [event(eventIndexes.weights_set, u16(index), u16(uid))] };
}

/** `commit_timelocked_weights` and its mechanism form. */
export function commitWeights(state: State, call: CommitCall, signer: Uint8Array, block: number): Dispatched {
  const subnet = new Subnet(state, call.netuid);
  const uid = subnet.uidOf(signer);
  if (!subnet.exists || call.mechanism >= subnet.mechanism_count) return { error: "MechanismDoesNotExist" };
  if (!subnet.bool(items.commit_reveal_enabled)) return { error: "CommitRevealDisabled" };
  if (call.commit_reveal_version !== state.read(items.commit_reveal_version).u16())
    return { error: "IncorrectCommitRevealVersion" };
  if (uid === undefined) return { error: "HotKeyNotRegisteredInSubNet" };
  if (!isWindow(subnet, call, uid, block)) return { error: "CommittingWeightsTooFast" };
  const index = storageIndex(call.netuid, call.mechanism);
  // Epochs fire before a block's extrinsics, so the counter is already that of this block.
  const epoch = subnet.u64(items.subnet_epoch_index);
  const commits = subnet.commits(index, epoch);
  const own = commits.filter(({ hotkey }) => Buffer.from(hotkey).equals(signer));
  if (own.length >= unrevealed_commits_max) return { error: "TooManyUnrevealedCommits" };
  subnet.setCommits(index, epoch, [
    ...commits,
    { hotkey: signer, block, ciphertext: call.commit, reveal_round: call.reveal_round },
  ]);
  subnet.setLastUpdate(index, uid, block);
  const fields = [signer, u16(index), blake2_256(call.commit), u64(call.reveal_round)];
  return { events: [event(eventIndexes.timelocked_committed, ...fields)] };
}

export function event(
  name: { readonly pallet: number; readonly index: number },
  ...fields: readonly Uint8Array[]
): EventBytes {
  return join(Uint8Array.of(name.pallet, name.index), ...fields);
}

function refusal(subnet: Subnet, call: SetWeights, signer: Uint8Array, block: number): DispatchErrorName | undefined {
  const uid = subnet.uidOf(signer);
  const neuron_count = subnet.u16(items.subnetwork_n);
  if (call.uids.length !== call.values.length) return "WeightVecNotEqualSize";
  if (!subnet.exists || call.mechanism >= subnet.mechanism_count) return "MechanismDoesNotExist";
  if (call.uids.length > neuron_count) return "UidsLengthExceedUidsInSubNet";
  if (uid === undefined) return "HotKeyNotRegisteredInSubNet";
  if (!hasStake(subnet, signer)) return "NotEnoughStakeToSetWeights";
  const version_key = BigInt(subnet.u64(items.weights_version_key));
  if (version_key !== 0n && call.version_key < version_key) return "IncorrectWeightVersionKey";
  if (!subnet.bool(items.commit_reveal_enabled) && !isWindow(subnet, call, uid, block)) return "SettingWeightsTooFast";
  const isSelfWeight = call.uids.length === 1 && call.uids[0] === uid;
  if (!isSelfWeight && subnet.permits()[uid] !== true) return "NeuronNoValidatorPermit";
  if (new Set(call.uids).size !== call.uids.length) return "DuplicateUids";
  if (call.uids.some((target) => target >= neuron_count)) return "UidVecContainInvalidOne";
  const count_min = Math.min(subnet.u16(items.min_allowed_weights), neuron_count);
  if (!isSelfWeight && call.uids.length < count_min) return "WeightVecLengthIsLow";
  if (!isSelfWeight && isOverCap(call.values, subnet.u16(items.max_weights_limit))) return "MaxWeightExceeded";
  return undefined;
}

function isOverCap(values: readonly number[], limit: number): boolean {
  if (limit === u16_max) return false;
  const sum = values.reduce((total, value) => total + value, 0);
  return sum > 0 && Math.max(...values) / sum > limit / u16_max;
}

function hasStake(subnet: Subnet, signer: Uint8Array): boolean {
  return subnet.stakeOf(signer) >= subnet.state.read(items.stake_threshold).u64();
}

function isWindow(subnet: Subnet, call: SetWeights | CommitCall, uid: number, block: number): boolean {
  const last_update = subnet.lastUpdates(storageIndex(call.netuid, call.mechanism))[uid] ?? 0;
  return isWindowOpen(block, last_update, subnet.u64(items.weights_set_rate_limit));
}
