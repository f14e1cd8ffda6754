import { callIndexes, eventIndexes, palletErrors, palletIndexes } from "../runtime/names.ts";
import { accountType, dispatchShapes, hashType } from "./shapes.ts";
import type { Field, TypeBuilder, TypeId, Variant } from "./type-builder.ts";

type PalletName = keyof typeof palletIndexes;

/** Per pallet and for the runtime as a whole, the enum types of calls, events and errors. */
export interface Enums {
  readonly calls: Readonly<Partial<Record<PalletName, TypeId>>>;
  readonly events: Readonly<Partial<Record<PalletName, TypeId>>>;
  readonly errors: Readonly<Partial<Record<PalletName, TypeId>>>;
  readonly call: TypeId;
  readonly event: TypeId;
  readonly error: TypeId;
}

export function buildEnums(types: TypeBuilder): Enums {
  const calls = callTypes(types);
  const events = eventTypes(types);
  const errors = {
    SubtensorModule: types.variant(
      "pallet_subtensor::pallet::Error",
      palletErrors.map((name, index) => ({ name, index })),
    ),
  };
  return {
    calls,
    events,
    errors,
    call: outer(types, "node_subtensor_runtime::RuntimeCall", calls),
    event: outer(types, "node_subtensor_runtime::RuntimeEvent", events),
    error: outer(types, "node_subtensor_runtime::RuntimeError", errors),
  };
}

function outer(types: TypeBuilder, path: string, inner: Partial<Record<PalletName, TypeId>>): TypeId {
  const variants = Object.entries(inner).map(
    ([name, type]): Variant => ({
      name,
      index: palletIndexes[name as PalletName],
      fields: [{ type }],
    }),
  );
  return types.variant(path, variants);
}

function callTypes(types: TypeBuilder) {
  const u16 = types.primitive("u16");
  const u64 = types.primitive("u64");
  const bytes = types.sequence(types.primitive("u8"));
  const commit = types.composite(
    "bounded_collections::bounded_vec::BoundedVec",
    [{ type: bytes }],
    [["T", types.primitive("u8")]],
  );
  const list = types.sequence(u16);
  const weights: Field[] = [
    { name: "dests", type: list },
    { name: "weights", type: list },
    { name: "version_key", type: u64 },
  ];
  const timelocked: Field[] = [
    { name: "commit", type: commit },
    { name: "reveal_round", type: u64 },
    { name: "commit_reveal_version", type: u16 },
  ];
  const netuid = { name: "netuid", type: u16 };
  const mecid = { name: "mecid", type: types.primitive("u8") };
  const call = (name: keyof typeof callIndexes, fields: Field[]): Variant => ({
    name,
    index: callIndexes[name].index,
    fields,
  });
  return {
    System: types.variant("frame_system::pallet::Call", [call("remark", [{ name: "remark", type: bytes }])]),
    Timestamp: types.variant("pallet_timestamp::pallet::Call", [
      { name: "set", index: callIndexes.timestamp_set.index, fields: [{ name: "now", type: types.compact(u64) }] },
    ]),
    SubtensorModule: types.variant("pallet_subtensor::pallet::Call", [
      call("set_weights", [netuid, ...weights]),
      call("commit_timelocked_weights", [netuid, ...timelocked]),
      call("commit_timelocked_mechanism_weights", [netuid, mecid, ...timelocked]),
      call("set_mechanism_weights", [netuid, mecid, ...weights]),
    ]),
  };
}

function eventTypes(types: TypeBuilder) {
  const u16 = types.primitive("u16");
  const account = accountType(types);
  const { dispatch_error, dispatch_info } = dispatchShapes(types);
  const info = { name: "dispatch_info", type: dispatch_info };
  return {
    System: types.variant("frame_system::pallet::Event", [
      { name: "ExtrinsicSuccess", index: eventIndexes.extrinsic_success.index, fields: [info] },
      {
        name: "ExtrinsicFailed",
        index: eventIndexes.extrinsic_failed.index,
        fields: [{ name: "dispatch_error", type: dispatch_error }, info],
      },
    ]),
    SubtensorModule: types.variant("pallet_subtensor::pallet::Event", [
      { name: "WeightsSet", index: eventIndexes.weights_set.index, fields: [{ type: u16 }, { type: u16 }] },
      {
        name: "NeuronRegistered",
        index: eventIndexes.neuron_registered.index,
        fields: [{ type: u16 }, { type: u16 }, { type: account }],
      },
      {
        name: "TimelockedWeightsCommitted",
        index: eventIndexes.timelocked_committed.index,
        fields: [{ type: account }, { type: u16 }, { type: hashType(types) }, { type: types.primitive("u64") }],
      },
      {
        name: "TimelockedWeightsRevealed",
        index: eventIndexes.timelocked_revealed.index,
        fields: [{ type: u16 }, { type: account }],
      },
    ]),
  };
}
