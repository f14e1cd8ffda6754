import { blob, compact, join, u16, u32, u64, vec } from "#shared/chain/scale.ts";
import { palletIndexes } from "../runtime/names.ts";
import { items, type StorageItem } from "../runtime/storage-items.ts";
import { buildEnums, type Enums } from "./enums.ts";
import { buildExtensions, type Extension } from "./extensions.ts";
import { selectiveMetagraphType } from "./selective-metagraph.ts";
import { accountType, buildShapes, type Shapes } from "./shapes.ts";
import { option, TypeBuilder, type TypeId, text, texts } from "./type-builder.ts";

const metadataMagic = new TextEncoder().encode("meta");
const noDocs = texts([]);
const hasherIndexes = { blake2_128_concat: 2, twox_64_concat: 5, identity: 6 };
const modifierIndexes = { optional: 0, default: 1 };
const extrinsic_version = 4;
const ss58_prefix = 42;
/** How many block hashes the runtime remembers; a mortal era cannot be longer. */
export const block_hash_count = 256;
const existential_deposit = 500;

/** The runtime's metadata by version, with its `meta` magic and version byte. */
export function buildMetadata(block_ms: number): { readonly v14: Uint8Array; readonly v15: Uint8Array } {
  const types = new TypeBuilder();
  const enums = buildEnums(types);
  const shapes = buildShapes(types, enums.event);
  const extensions = buildExtensions(types);
  const extrinsic = extrinsicTypes(types, enums, extensions);
  const apis = runtimeApis(types, shapes);
  const runtime = types.composite("node_subtensor_runtime::Runtime", []);
  const extension_list = vec(
    extensions.map(({ name, type, additional }) => join(text(name), compact(type), compact(additional))),
  );
  const pallets = (with_docs: boolean) =>
    vec(
      Object.keys(palletIndexes).map((name) =>
        pallet(name as keyof typeof palletIndexes, { types, enums, shapes, block_ms, with_docs }),
      ),
    );
  const v14_body = [
    pallets(false),
    compact(extrinsic.unchecked),
    Uint8Array.of(extrinsic_version),
    extension_list,
    compact(runtime),
  ];
  const v15_body = [
    pallets(true),
    Uint8Array.of(extrinsic_version),
    ...[extrinsic.address, enums.call, extrinsic.signature, extrinsic.extra].map(compact),
    extension_list,
    compact(runtime),
    apis,
    ...[enums.call, enums.event, enums.error].map(compact),
    vec([]),
  ];
  // Last: every type above has its number now.
  const lookup = types.toBytes();
  return {
    v14: join(metadataMagic, Uint8Array.of(14), lookup, ...v14_body),
    v15: join(metadataMagic, Uint8Array.of(15), lookup, ...v15_body),
  };
}

function extrinsicTypes(types: TypeBuilder, enums: Enums, extensions: readonly Extension[]) {
  const u8 = types.primitive("u8");
  const unit = types.tuple([]);
  const account = accountType(types);
  const address = types.variant(
    "sp_runtime::multiaddress::MultiAddress",
    [
      { name: "Id", index: 0, fields: [{ type: account }] },
      { name: "Index", index: 1, fields: [{ type: types.compact(unit) }] },
      { name: "Raw", index: 2, fields: [{ type: types.sequence(u8) }] },
      { name: "Address32", index: 3, fields: [{ type: types.array(32, u8) }] },
      { name: "Address20", index: 4, fields: [{ type: types.array(20, u8) }] },
    ],
    [
      ["AccountId", account],
      ["AccountIndex", unit],
    ],
  );
  const signature = types.variant("sp_runtime::MultiSignature", [
    { name: "Ed25519", index: 0, fields: [{ type: types.array(64, u8) }] },
    { name: "Sr25519", index: 1, fields: [{ type: types.array(64, u8) }] },
    { name: "Ecdsa", index: 2, fields: [{ type: types.array(65, u8) }] },
  ]);
  const extra = types.tuple(extensions.map(({ type }) => type));
  const unchecked = types.composite(
    "sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic",
    [{ type: types.sequence(u8) }],
    [
      ["Address", address],
      ["Call", enums.call],
      ["Signature", signature],
      ["Extra", extra],
    ],
  );
  return { address, signature, extra, unchecked };
}

interface PalletParts {
  readonly types: TypeBuilder;
  readonly enums: Enums;
  readonly shapes: Shapes;
  readonly block_ms: number;
  readonly with_docs: boolean;
}

function pallet(
  name: keyof typeof palletIndexes,
  { types, enums, shapes, block_ms, with_docs }: PalletParts,
): Uint8Array {
  const own = Object.values<StorageItem>(items).filter((item) => item.pallet === name);
  const storage = join(text(name), vec(own.map((item) => storageEntry(types, shapes, item))));
  const type_option = (type: TypeId | undefined) => option(type === undefined ? undefined : compact(type));
  return join(
    text(name),
    option(own.length === 0 ? undefined : storage),
    type_option(enums.calls[name]),
    type_option(enums.events[name]),
    constants(name, types, block_ms),
    type_option(enums.errors[name]),
    Uint8Array.of(palletIndexes[name]),
    with_docs ? noDocs : new Uint8Array(),
  );
}

function storageEntry(types: TypeBuilder, shapes: Shapes, item: StorageItem): Uint8Array {
  const value = shapes.value(item.value);
  const key_types = item.keys.map(([, type]) => shapes.value(type));
  const [only] = key_types;
  const key = key_types.length === 1 && only !== undefined ? only : types.tuple(key_types);
  const shape =
    item.keys.length === 0
      ? join(Uint8Array.of(0), compact(value))
      : join(
          Uint8Array.of(1),
          vec(item.keys.map(([hasher]) => Uint8Array.of(hasherIndexes[hasher]))),
          compact(key),
          compact(value),
        );
  const modifier = item.fallback === undefined ? modifierIndexes.optional : modifierIndexes.default;
  return join(text(item.name), Uint8Array.of(modifier), shape, blob(item.fallback ?? Uint8Array.of(0)), noDocs);
}

function constants(name: string, types: TypeBuilder, block_ms: number): Uint8Array {
  const constant = (label: string, type: TypeId, value: Uint8Array) =>
    join(text(label), compact(type), blob(value), noDocs);
  switch (name) {
    case "System":
      return vec([
        constant("BlockHashCount", types.primitive("u32"), u32(block_hash_count)),
        constant("SS58Prefix", types.primitive("u16"), u16(ss58_prefix)),
      ]);
    case "Timestamp":
      // Clients compute the block time as twice the minimum period.
      return vec([constant("MinimumPeriod", types.primitive("u64"), u64(Math.floor(block_ms / 2)))]);
    case "Balances":
      return vec([constant("ExistentialDeposit", types.primitive("u64"), u64(existential_deposit))]);
    default:
      return vec([]);
  }
}

function runtimeApis(types: TypeBuilder, shapes: Shapes): Uint8Array {
  const method = (name: string, inputs: readonly (readonly [string, TypeId])[], output: TypeId) =>
    join(text(name), vec(inputs.map(([label, type]) => join(text(label), compact(type)))), compact(output), noDocs);
  const u16 = types.primitive("u16");
  const subnet_info = join(
    text("SubnetInfoRuntimeApi"),
    vec([
      method(
        "get_selective_metagraph",
        [
          ["netuid", u16],
          ["metagraph_indexes", types.sequence(u16)],
        ],
        types.option(selectiveMetagraphType(types)),
      ),
      method("get_next_epoch_start_block", [["netuid", u16]], types.option(shapes.value("u64"))),
    ]),
    noDocs,
  );
  return vec([subnet_info]);
}
