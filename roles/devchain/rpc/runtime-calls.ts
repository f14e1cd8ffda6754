import { blob, compact, join, ScaleReader, u32, u64, vec } from "#shared/chain/scale.ts";
import { nextEpochBlock } from "#shared/chain/schedule.ts";
import { selectiveFields } from "../metadata/selective-metagraph.ts";
import type { Block } from "../node/block.ts";
import { nonceOf } from "../node/execute.ts";
import { epochStateOf } from "../runtime/epochs.ts";
import { items } from "../runtime/storage-items.ts";
import { Subnet } from "../runtime/subnet.ts";

export type RuntimeCalls = Readonly<Record<string, (data: Uint8Array, block: Block) => Uint8Array>>;

const noneByte = Uint8Array.of(0);
const metadataVersions = [14, 15];

const some = (value: Uint8Array): Uint8Array => join(Uint8Array.of(1), value);

/** The runtime's entry points by their exported name. */
export function runtimeCalls(metadata: { readonly v14: Uint8Array; readonly v15: Uint8Array }): RuntimeCalls {
  return {
    Metadata_metadata: () => blob(metadata.v14),
    Metadata_metadata_versions: () => vec(metadataVersions.map(u32)),
    Metadata_metadata_at_version: (data) => {
      const version = new ScaleReader(data).u32();
      if (version === 14) return some(blob(metadata.v14));
      return version === 15 ? some(blob(metadata.v15)) : noneByte;
    },
    AccountNonceApi_account_nonce: (data, { state }) => u32(nonceOf(state, new ScaleReader(data).take(32))),
    SubnetInfoRuntimeApi_get_next_epoch_start_block: (data, block) => {
      const subnet = new Subnet(block.state, new ScaleReader(data).u16());
      const epoch = epochStateOf(subnet);
      return subnet.exists && epoch.tempo > 0 ? some(u64(nextEpochBlock(epoch, block.number))) : noneByte;
    },
    SubnetInfoRuntimeApi_get_selective_metagraph: (data, block) => {
      const reader = new ScaleReader(data);
      const subnet = new Subnet(block.state, reader.u16());
      const wanted = new Set(reader.list((from) => from.u16()));
      return subnet.exists ? some(selectiveMetagraph(subnet, wanted, block.number)) : noneByte;
    },
  };
}

function selectiveMetagraph(subnet: Subnet, wanted: ReadonlySet<number>, block: number): Uint8Array {
  const fill = fillers(subnet, block);
  const fields = selectiveFields.map(([name], index) => {
    if (name === "netuid") return compact(subnet.netuid);
    const filler = wanted.has(index) ? fill[name] : undefined;
    return filler === undefined ? noneByte : some(filler());
  });
  return join(...fields);
}

function fillers(subnet: Subnet, block: number): Readonly<Record<string, () => Uint8Array>> {
  const hotkeys = (): Uint8Array[] =>
    Array.from({ length: subnet.u16(items.subnetwork_n) }, (_, uid) => subnet.hotkeyOf(uid).slice());
  return {
    block: () => compact(block),
    tempo: () => compact(subnet.u16(items.tempo)),
    min_allowed_weights: () => compact(subnet.u16(items.min_allowed_weights)),
    max_weights_limit: () => compact(subnet.u16(items.max_weights_limit)),
    weights_version: () => compact(subnet.u64(items.weights_version_key)),
    weights_rate_limit: () => compact(subnet.u64(items.weights_set_rate_limit)),
    num_uids: () => compact(subnet.u16(items.subnetwork_n)),
    commit_reveal_weights_enabled: () => Uint8Array.of(subnet.bool(items.commit_reveal_enabled) ? 1 : 0),
    commit_reveal_period: () => compact(subnet.u64(items.reveal_period_epochs)),
    hotkeys: () => vec(hotkeys()),
    coldkeys: () => vec(hotkeys().map((hotkey) => subnet.state.read(items.owner, hotkey).take(32))),
    validator_permit: () => vec(subnet.permits().map((permit) => Uint8Array.of(permit ? 1 : 0))),
    last_update: () => vec(subnet.lastUpdates().map(compact)),
    total_stake: () => vec(hotkeys().map((hotkey) => compact(subnet.stakeOf(hotkey)))),
  };
}
