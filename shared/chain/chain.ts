import type { EpochState } from "./schedule.ts";

/** One neuron of a subnet as the chain lists it. `stake` is in rao (alpha and TAO weighted as the runtime does), null when the runtime does not say. */
export interface Neuron {
  readonly uid: number;
  readonly hotkey: string;
  readonly validator_permit: boolean;
  readonly last_update: number;
  readonly stake: bigint | null;
}

/** The neurons of a subnet at one block; `neurons[i].uid === i`. */
export interface Metagraph {
  readonly netuid: number;
  readonly block: number;
  readonly block_hash: string;
  readonly neurons: readonly Neuron[];
}

/** `[uid, value]` as stored in `Weights`: upscaled so that the largest value is 65535. */
export type WeightEntry = readonly [uid: number, value: number];

export interface BlockRef {
  readonly block: number;
  readonly block_hash: string;
}

/** Everything that decides whether and how one hotkey may set weights, read at one block (chain §6.1). */
export interface SubnetState extends BlockRef {
  readonly netuid: number;
  readonly mechanism: number;
  readonly exists: boolean;
  readonly hotkey: string;
  /** null: the hotkey is not registered. */
  readonly uid: number | null;
  readonly neuron_count: number;
  readonly validator_permit: boolean;
  readonly last_update: number;
  readonly rate_limit_blocks: number;
  readonly min_allowed_weights: number;
  readonly max_weights_limit: number;
  readonly version_key: bigint;
  readonly isCommitRevealEnabled: boolean;
  readonly commit_reveal_version: number;
  /** null: the runtime does not know the timelocked form. */
  readonly reveal_period_epochs: number | null;
  readonly stake: bigint | null;
  readonly stake_threshold: bigint;
  readonly nonce: number;
  readonly epoch: EpochState;
}

/**
 * The chain as the control plane reads it. Every read is pinned to one block, so its parts agree with each other.
 *
 * @throws ChainUnreachableError from every method, when no endpoint answers within its deadline
 */
export interface Chain {
  /** Reads the neurons of `netuid` at the best block, or at `at`. @throws SubnetNotFoundError for an unknown netuid */
  readMetagraph(netuid: number, at?: BlockRef): Promise<Metagraph>;
  /** Reads the stored weights of `uid`, sorted by uid; empty when it never set any. */
  readWeights(netuid: number, uid: number, at?: BlockRef): Promise<readonly WeightEntry[]>;
  /** The hash of block 0: which chain it is, whatever endpoint answers. */
  genesis(): Promise<string>;
  /** The best block. */
  head(): Promise<BlockRef>;
  /** The last finalized block: nothing up to it can be undone. */
  finalizedHead(): Promise<BlockRef>;
  /** The endpoint in use, without credentials; "" before the first answer. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** No endpoint answered. Network or nodes are at fault: try again later. */
export class ChainUnreachableError extends Error {
  override readonly name = "ChainUnreachableError";
}

/** The chain has no such subnet. */
export class SubnetNotFoundError extends Error {
  override readonly name = "SubnetNotFoundError";
  constructor(netuid: number) {
    super(`subnet ${netuid} does not exist on this chain`);
  }
}
