import { accountType } from "./shapes.ts";
import type { TypeBuilder, TypeId } from "./type-builder.ts";

/** Kinds of fields that this node fills or leaves out; the others are optional units, always none. */
type Kind = "accounts" | "bools" | "compact_u64s" | "compact_u64" | "compact_u16" | "bool" | "unfilled";

/** `SelectiveMetagraph` in the runtime's order: a field's number is its position. */
export const selectiveFields: readonly (readonly [name: string, kind: Kind])[] = [
  ["netuid", "compact_u16"],
  ...unfilled("name", "symbol", "identity", "network_registered_at", "owner_hotkey", "owner_coldkey"),
  ["block", "compact_u64"],
  ["tempo", "compact_u16"],
  ...unfilled("last_step", "blocks_since_last_step", "subnet_emission", "alpha_in", "alpha_out", "tao_in"),
  ...unfilled("alpha_out_emission", "alpha_in_emission", "tao_in_emission", "pending_alpha_emission"),
  ...unfilled("pending_root_emission", "subnet_volume", "moving_price", "rho", "kappa"),
  ["min_allowed_weights", "compact_u16"],
  ["max_weights_limit", "compact_u16"],
  ["weights_version", "compact_u64"],
  ["weights_rate_limit", "compact_u64"],
  ...unfilled("activity_cutoff", "max_validators"),
  ["num_uids", "compact_u16"],
  ...unfilled("max_uids", "burn", "difficulty", "registration_allowed", "pow_registration_allowed"),
  ...unfilled("immunity_period", "min_difficulty", "max_difficulty", "min_burn", "max_burn", "adjustment_alpha"),
  ...unfilled("adjustment_interval", "target_regs_per_interval", "max_regs_per_block", "serving_rate_limit"),
  ["commit_reveal_weights_enabled", "bool"],
  ["commit_reveal_period", "compact_u64"],
  ...unfilled("liquid_alpha_enabled", "alpha_high", "alpha_low", "bonds_moving_avg"),
  ["hotkeys", "accounts"],
  ["coldkeys", "accounts"],
  ...unfilled("identities", "axons", "active"),
  ["validator_permit", "bools"],
  ...unfilled("pruning_score"),
  ["last_update", "compact_u64s"],
  ...unfilled("emission", "dividends", "incentives", "consensus", "trust", "rank", "block_at_registration"),
  ...unfilled("alpha_stake", "tao_stake"),
  ["total_stake", "compact_u64s"],
  ...unfilled("tao_dividends_per_hotkey", "alpha_dividends_per_hotkey", "validators", "commitments"),
];

export function selectiveMetagraphType(types: TypeBuilder): TypeId {
  const compact_u64 = types.compact(types.primitive("u64"));
  const kinds: Record<Kind, TypeId> = {
    accounts: types.sequence(accountType(types)),
    bools: types.sequence(types.primitive("bool")),
    bool: types.primitive("bool"),
    compact_u64s: types.sequence(compact_u64),
    compact_u64,
    compact_u16: types.compact(types.primitive("u16")),
    unfilled: types.tuple([]),
  };
  return types.composite(
    "pallet_subtensor::rpc_info::metagraph::SelectiveMetagraph",
    selectiveFields.map(([name, kind]) => ({
      name,
      type: name === "netuid" ? kinds[kind] : types.option(kinds[kind]),
    })),
    [["AccountId", accountType(types)]],
  );
}

function unfilled(...names: readonly string[]): (readonly [string, Kind])[] {
  return names.map((name) => [name, "unfilled"] as const);
}
