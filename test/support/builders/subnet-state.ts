import type { SubnetState } from "#shared/chain/chain.ts";

/** A subnet in which a vector of ours may be set at once, but for `part`. */
export const subnetState = (part: Partial<SubnetState> = {}): SubnetState => ({
  netuid: 1,
  mechanism: 0,
  exists: true,
  block: 200,
  block_hash: "0x00",
  hotkey: "5Grw",
  uid: 3,
  neuron_count: 10,
  validator_permit: true,
  last_update: 50,
  rate_limit_blocks: 100,
  min_allowed_weights: 2,
  max_weights_limit: 65_535,
  version_key: 5n,
  isCommitRevealEnabled: false,
  commit_reveal_version: 4,
  reveal_period_epochs: 1,
  stake: 1_000n,
  stake_threshold: 1_000n,
  nonce: 7,
  epoch: {
    kind: "stateful",
    tempo: 360,
    last_epoch_block: 100,
    pending_epoch_at: 0,
    epoch_index: 3,
    blocks_since_last_step: 100,
  },
  ...part,
});
