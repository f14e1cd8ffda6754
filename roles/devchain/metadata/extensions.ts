import { hashType } from "./shapes.ts";
import type { TypeBuilder, TypeId } from "./type-builder.ts";

export interface Extension {
  readonly name: string;
  /** What it adds to the extrinsic. */
  readonly type: TypeId;
  /** What it adds to the signed bytes only. */
  readonly additional: TypeId;
}

/** The transaction extensions in the real runtime's order. */
export function buildExtensions(types: TypeBuilder): Extension[] {
  const unit = types.tuple([]);
  const u32 = types.primitive("u32");
  const hash = hashType(types);
  const mode = types.variant("frame_metadata_hash_extension::Mode", [
    { name: "Disabled", index: 0 },
    { name: "Enabled", index: 1 },
  ]);
  const empty = (path: string) => types.composite(path, []);
  return [
    {
      name: "CheckNonZeroSender",
      type: empty("frame_system::extensions::check_non_zero_sender::CheckNonZeroSender"),
      additional: unit,
    },
    {
      name: "CheckSpecVersion",
      type: empty("frame_system::extensions::check_spec_version::CheckSpecVersion"),
      additional: u32,
    },
    {
      name: "CheckTxVersion",
      type: empty("frame_system::extensions::check_tx_version::CheckTxVersion"),
      additional: u32,
    },
    { name: "CheckGenesis", type: empty("frame_system::extensions::check_genesis::CheckGenesis"), additional: hash },
    {
      name: "CheckMortality",
      type: types.composite("frame_system::extensions::check_mortality::CheckMortality", [{ type: eraType(types) }]),
      additional: hash,
    },
    {
      name: "CheckNonce",
      type: types.composite("frame_system::extensions::check_nonce::CheckNonce", [{ type: types.compact(u32) }]),
      additional: unit,
    },
    { name: "CheckWeight", type: empty("frame_system::extensions::check_weight::CheckWeight"), additional: unit },
    {
      name: "ChargeTransactionPayment",
      type: types.composite("pallet_transaction_payment::ChargeTransactionPayment", [
        { type: types.compact(types.primitive("u64")) },
      ]),
      additional: unit,
    },
    {
      name: "SubtensorTransactionExtension",
      type: empty("pallet_subtensor::transaction_extension::SubtensorTransactionExtension"),
      additional: unit,
    },
    {
      name: "CheckMetadataHash",
      type: types.composite("frame_metadata_hash_extension::CheckMetadataHash", [{ name: "mode", type: mode }]),
      additional: types.option(types.array(32, types.primitive("u8"))),
    },
  ];
}

/** The immortal era and 255 mortal ones, whose first byte is the variant. */
function eraType(types: TypeBuilder): TypeId {
  const u8 = types.primitive("u8");
  const mortal = Array.from({ length: 255 }, (_, index) => ({
    name: `Mortal${index + 1}`,
    index: index + 1,
    fields: [{ type: u8 }],
  }));
  return types.variant("sp_runtime::generic::era::Era", [{ name: "Immortal", index: 0 }, ...mortal]);
}
