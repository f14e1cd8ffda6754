import type { KeyType, ValueType } from "../runtime/storage-items.ts";
import type { TypeBuilder, TypeId } from "./type-builder.ts";

/** The named types that storage, calls and events are made of. */
export interface Shapes {
  readonly value: (type: ValueType | KeyType) => TypeId;
  readonly dispatch_error: TypeId;
  readonly dispatch_info: TypeId;
  readonly unit: TypeId;
  readonly bytes: TypeId;
}

export function buildShapes(types: TypeBuilder, event: TypeId): Shapes {
  const u8 = types.primitive("u8");
  const u32 = types.primitive("u32");
  const u64 = types.primitive("u64");
  const u128 = types.primitive("u128");
  const unit = types.tuple([]);
  const account = accountType(types);
  const hash = hashType(types);
  const account_data = types.composite("pallet_balances::types::AccountData", [
    { name: "free", type: u64 },
    { name: "reserved", type: u64 },
    { name: "frozen", type: u64 },
    { name: "flags", type: types.composite("pallet_balances::types::ExtraFlags", [{ type: u128 }]) },
  ]);
  const account_info = types.composite(
    "frame_system::AccountInfo",
    [
      { name: "nonce", type: u32 },
      { name: "consumers", type: u32 },
      { name: "providers", type: u32 },
      { name: "sufficients", type: u32 },
      { name: "data", type: account_data },
    ],
    [
      ["Nonce", u32],
      ["AccountData", account_data],
    ],
  );
  const phase = types.variant("frame_system::Phase", [
    { name: "ApplyExtrinsic", index: 0, fields: [{ type: u32 }] },
    { name: "Finalization", index: 1 },
    { name: "Initialization", index: 2 },
  ]);
  const record = types.composite(
    "frame_system::EventRecord",
    [
      { name: "phase", type: phase },
      { name: "event", type: event },
      { name: "topics", type: types.sequence(hash) },
    ],
    [
      ["E", event],
      ["T", hash],
    ],
  );
  const u16 = types.primitive("u16");
  const bytes = types.sequence(u8);
  const values: Record<ValueType, TypeId> = {
    u16,
    u32,
    u64,
    bool: types.primitive("bool"),
    account,
    hash,
    account_info,
    events: types.sequence(record),
    u64_list: types.sequence(u64),
    bool_list: types.sequence(types.primitive("bool")),
    account_list: types.sequence(account),
    weights: types.sequence(types.tuple([u16, u16])),
    commits: types.sequence(types.tuple([account, u64, bytes, u64])),
  };
  return { value: (type) => values[type], ...dispatchShapes(types), unit, bytes };
}

export function accountType(types: TypeBuilder): TypeId {
  return types.composite("sp_core::crypto::AccountId32", [{ type: types.array(32, types.primitive("u8")) }]);
}

export function hashType(types: TypeBuilder): TypeId {
  return types.composite("primitive_types::H256", [{ type: types.array(32, types.primitive("u8")) }]);
}

export function dispatchShapes(types: TypeBuilder): { dispatch_error: TypeId; dispatch_info: TypeId } {
  const u8 = types.primitive("u8");
  const compact_u64 = types.compact(types.primitive("u64"));
  const module_error = types.composite("sp_runtime::ModuleError", [
    { name: "index", type: u8 },
    { name: "error", type: types.array(4, u8) },
  ]);
  const dispatch_error = types.variant("sp_runtime::DispatchError", [
    { name: "Other", index: 0 },
    { name: "CannotLookup", index: 1 },
    { name: "BadOrigin", index: 2 },
    { name: "Module", index: 3, fields: [{ type: module_error }] },
    { name: "ConsumerRemaining", index: 4 },
    { name: "NoProviders", index: 5 },
    { name: "TooManyConsumers", index: 6 },
  ]);
  const weight = types.composite("sp_weights::weight_v2::Weight", [
    { name: "ref_time", type: compact_u64 },
    { name: "proof_size", type: compact_u64 },
  ]);
  const dispatch_info = types.composite("frame_system::DispatchEventInfo", [
    { name: "weight", type: weight },
    {
      name: "class",
      type: types.variant("frame_support::dispatch::DispatchClass", [
        { name: "Normal", index: 0 },
        { name: "Operational", index: 1 },
        { name: "Mandatory", index: 2 },
      ]),
    },
    {
      name: "pays_fee",
      type: types.variant("frame_support::dispatch::Pays", [
        { name: "Yes", index: 0 },
        { name: "No", index: 1 },
      ]),
    },
  ]);
  return { dispatch_error, dispatch_info };
}
