import { decodeAddress } from "@polkadot/util-crypto";
import { type Static, Type } from "@sinclair/typebox";
import { u16, u64 } from "#shared/chain/scale.ts";
import { State } from "../runtime/state.ts";
import { items } from "../runtime/storage-items.ts";
import { Subnet } from "../runtime/subnet.ts";

const Uint16 = Type.Integer({ minimum: 0, maximum: 65_535 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Address = Type.String({ pattern: "^[1-9A-HJ-NP-Za-km-z]{46,50}$", description: "an ss58 address" });

export const GenesisNeuron = Type.Object(
  {
    hotkey: Address,
    coldkey: Type.Optional(Address),
    stake_rao: Type.Optional(Count),
    validator_permit: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type GenesisNeuron = Static<typeof GenesisNeuron>;

/** The parameters of a subnet that may be set at genesis and changed while the chain runs. */
export const SubnetParameters = Type.Object(
  {
    tempo: Type.Optional(Uint16),
    weights_rate_limit_blocks: Type.Optional(Count),
    min_allowed_weights: Type.Optional(Uint16),
    max_weights_limit: Type.Optional(Uint16),
    weights_version_key: Type.Optional(Count),
    is_commit_reveal_enabled: Type.Optional(Type.Boolean()),
    reveal_period_epochs: Type.Optional(Count),
    mechanism_count: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
    pending_epoch_at: Type.Optional(Count),
  },
  { additionalProperties: false },
);
export type SubnetParameters = Static<typeof SubnetParameters>;

export const Genesis = Type.Object(
  {
    stake_threshold_rao: Type.Optional(Count),
    commit_reveal_version: Type.Optional(Uint16),
    subnets: Type.Array(
      Type.Object(
        {
          netuid: Uint16,
          parameters: Type.Optional(SubnetParameters),
          neurons: Type.Array(GenesisNeuron, { maxItems: 4_096 }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: 64 },
    ),
  },
  { additionalProperties: false },
);
export type Genesis = Static<typeof Genesis>;

const rao_per_tao = 1_000_000_000;

/** One subnet with the well-known development accounts: //Alice owns it at uid 0, //Bob validates at uid 1. */
export function defaultGenesis(netuid: number): Genesis {
  const stake_rao = 10_000 * rao_per_tao;
  return {
    stake_threshold_rao: 1_000 * rao_per_tao,
    subnets: [
      {
        netuid,
        parameters: { tempo: 20, weights_rate_limit_blocks: 5, is_commit_reveal_enabled: false },
        neurons: [
          { hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", stake_rao, validator_permit: true },
          { hotkey: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", stake_rao, validator_permit: true },
        ],
      },
    ],
  };
}

/** The state of block 0. */
export function genesisState(genesis: Genesis): State {
  const state = new State();
  state.write(items.stake_threshold, [], u64(genesis.stake_threshold_rao ?? 0));
  if (genesis.commit_reveal_version !== undefined)
    state.write(items.commit_reveal_version, [], u16(genesis.commit_reveal_version));
  for (const { netuid, parameters = {}, neurons } of genesis.subnets) {
    const subnet = new Subnet(state, netuid);
    subnet.write(items.networks_added, Uint8Array.of(1));
    setParameters(subnet, parameters);
    for (const neuron of neurons) registerNeuron(subnet, neuron);
  }
  return state;
}

export function registerNeuron(
  subnet: Subnet,
  { hotkey, coldkey, stake_rao = 0, validator_permit = false }: GenesisNeuron,
): number {
  return subnet.register({
    hotkey: decodeAddress(hotkey),
    coldkey: decodeAddress(coldkey ?? hotkey),
    stake: BigInt(stake_rao),
    permit: validator_permit,
  });
}

export function setParameters(subnet: Subnet, parameters: SubnetParameters): void {
  const writers: Record<keyof SubnetParameters, (value: number | boolean) => void> = {
    tempo: (value) => subnet.write(items.tempo, u16(Number(value))),
    weights_rate_limit_blocks: (value) => subnet.write(items.weights_set_rate_limit, u64(Number(value))),
    min_allowed_weights: (value) => subnet.write(items.min_allowed_weights, u16(Number(value))),
    max_weights_limit: (value) => subnet.write(items.max_weights_limit, u16(Number(value))),
    weights_version_key: (value) => subnet.write(items.weights_version_key, u64(Number(value))),
    is_commit_reveal_enabled: (value) => subnet.write(items.commit_reveal_enabled, Uint8Array.of(value ? 1 : 0)),
    reveal_period_epochs: (value) => subnet.write(items.reveal_period_epochs, u64(Number(value))),
    mechanism_count: (value) => subnet.write(items.mechanism_count, u16(Number(value))),
    pending_epoch_at: (value) => subnet.write(items.pending_epoch_at, u64(Number(value))),
  };
  for (const [name, value] of Object.entries(parameters)) writers[name as keyof SubnetParameters](value);
}
