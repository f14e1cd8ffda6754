import { u16, u64 } from "#shared/chain/scale.ts";

/** The storage of the runtime: one table for metadata and state, with the hashers and shapes of the main network. */
export type Hasher = "blake2_128_concat" | "twox_64_concat" | "identity";
export type KeyType = "u16" | "u32" | "u64" | "account";
export type ValueType =
  | KeyType
  | "bool"
  | "hash"
  | "account_info"
  | "events"
  | "u64_list"
  | "bool_list"
  | "weights"
  | "commits"
  | "account_list";

export interface StorageItem {
  readonly pallet: "System" | "Timestamp" | "Balances" | "SubtensorModule" | "Drand";
  readonly name: string;
  readonly keys: readonly (readonly [Hasher, KeyType])[];
  readonly value: ValueType;
  /** The value of an absent entry; undefined: the item is optional. */
  readonly fallback?: Uint8Array;
}

const zeroU64 = u64(0);
const emptyList = Uint8Array.of(0);
const falseByte = Uint8Array.of(0);
const netuidKey = ["identity", "u16"] as const;
const byNetuid = [netuidKey];

const subtensor = <Name extends string>(
  name: Name,
  keys: StorageItem["keys"],
  value: ValueType,
  fallback?: Uint8Array,
): StorageItem => ({ pallet: "SubtensorModule", name, keys, value, ...(fallback === undefined ? {} : { fallback }) });

export const items = {
  account: {
    pallet: "System",
    name: "Account",
    keys: [["blake2_128_concat", "account"]],
    value: "account_info",
    fallback: new Uint8Array(4 * 4 + 3 * 8 + 16),
  },
  number: { pallet: "System", name: "Number", keys: [], value: "u32", fallback: new Uint8Array(4) },
  parent_hash: { pallet: "System", name: "ParentHash", keys: [], value: "hash", fallback: new Uint8Array(32) },
  block_hash: {
    pallet: "System",
    name: "BlockHash",
    keys: [["twox_64_concat", "u32"]],
    value: "hash",
    fallback: new Uint8Array(32),
  },
  events: { pallet: "System", name: "Events", keys: [], value: "events", fallback: emptyList },
  now: { pallet: "Timestamp", name: "Now", keys: [], value: "u64", fallback: zeroU64 },
  total_issuance: { pallet: "Balances", name: "TotalIssuance", keys: [], value: "u64", fallback: zeroU64 },
  last_stored_round: { pallet: "Drand", name: "LastStoredRound", keys: [], value: "u64", fallback: zeroU64 },
  networks_added: subtensor("NetworksAdded", byNetuid, "bool", falseByte),
  subnetwork_n: subtensor("SubnetworkN", byNetuid, "u16", u16(0)),
  mechanism_count: subtensor("MechanismCountCurrent", [["twox_64_concat", "u16"]], "u16", u16(1)),
  keys: subtensor("Keys", [netuidKey, netuidKey], "account", new Uint8Array(32)),
  uids: subtensor("Uids", [netuidKey, ["blake2_128_concat", "account"]], "u16"),
  owner: subtensor("Owner", [["blake2_128_concat", "account"]], "account", new Uint8Array(32)),
  last_update: subtensor("LastUpdate", byNetuid, "u64_list", emptyList),
  validator_permit: subtensor("ValidatorPermit", byNetuid, "bool_list", emptyList),
  weights: subtensor("Weights", [netuidKey, netuidKey], "weights", emptyList),
  hotkey_alpha: subtensor("TotalHotkeyAlpha", [["blake2_128_concat", "account"], netuidKey], "u64", zeroU64),
  stake_threshold: subtensor("StakeThreshold", [], "u64", zeroU64),
  weights_version_key: subtensor("WeightsVersionKey", byNetuid, "u64", zeroU64),
  weights_set_rate_limit: subtensor("WeightsSetRateLimit", byNetuid, "u64", u64(100)),
  min_allowed_weights: subtensor("MinAllowedWeights", byNetuid, "u16", u16(1)),
  max_weights_limit: subtensor("MaxWeightsLimit", byNetuid, "u16", u16(65_535)),
  commit_reveal_enabled: subtensor("CommitRevealWeightsEnabled", byNetuid, "bool", Uint8Array.of(1)),
  commit_reveal_version: subtensor("CommitRevealWeightsVersion", [], "u16", u16(4)),
  reveal_period_epochs: subtensor("RevealPeriodEpochs", [["twox_64_concat", "u16"]], "u64", u64(1)),
  timelocked_commits: subtensor(
    "TimelockedWeightCommits",
    [
      ["twox_64_concat", "u16"],
      ["twox_64_concat", "u64"],
    ],
    "commits",
    emptyList,
  ),
  tempo: subtensor("Tempo", byNetuid, "u16", u16(360)),
  last_epoch_block: subtensor("LastEpochBlock", byNetuid, "u64", zeroU64),
  pending_epoch_at: subtensor("PendingEpochAt", byNetuid, "u64", zeroU64),
  subnet_epoch_index: subtensor("SubnetEpochIndex", byNetuid, "u64", zeroU64),
  blocks_since_last_step: subtensor("BlocksSinceLastStep", byNetuid, "u64", zeroU64),
} satisfies Record<string, StorageItem>;
