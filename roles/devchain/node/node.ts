import { testBeacon } from "#shared/chain/timelock.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { State } from "../runtime/state.ts";
import { Subnet } from "../runtime/subnet.ts";
import type { PoolCodes } from "../runtime/weights.ts";
import { type Block, sealBlock } from "./block.ts";
import { executeBlock } from "./execute.ts";
import { Faults } from "./faults.ts";
import {
  type Genesis,
  type GenesisNeuron,
  genesisState,
  registerNeuron,
  type SubnetParameters,
  setParameters,
} from "./genesis.ts";
import { Ledger } from "./ledger.ts";
import { Pool, type Pooled } from "./pool.ts";
import { RpcError } from "./rpc-error.ts";
import type { Store } from "./store.ts";

export interface NodeOptions {
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly finality_lag_blocks: number;
  readonly pool_codes: PoolCodes;
  readonly beacon_seed: string;
  /** Keeps the chain over restarts. Absent: the chain ends with the process. */
  readonly store?: Store;
}

type Listener = (block: Block) => void;
type Change = (state: State) => void;

/** The node: one ledger, one pool, blocks on demand. */
export class DevNode {
  readonly ledger: Ledger;
  readonly pool: Pool;
  readonly faults = new Faults();
  readonly on_head = new Set<Listener>();
  readonly on_finalized = new Set<Listener>();
  readonly #options: NodeOptions;
  readonly #beacon: ReturnType<typeof testBeacon>;
  readonly #netuids: readonly number[];
  /** Changes from outside of extrinsics, for the next block. */
  #pending_changes: Change[] = [];
  /** The changes in blocks that a fork may still remove. */
  #unfinalized_changes: { readonly number: number; readonly changes: readonly Change[] }[] = [];

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#beacon = testBeacon(options.beacon_seed);
    this.#netuids = options.genesis.subnets.map(({ netuid }) => netuid).toSorted((a, b) => a - b);
    this.ledger = options.store?.load() ?? freshLedger(options);
    this.pool = new Pool(this.ledger.genesis_hash, options.pool_codes);
  }

  /** The key whose round signatures open timelocked commits on this chain. */
  get beacon_public_key(): string {
    return this.#beacon.public_key;
  }

  submit(bytes: Uint8Array): Pooled {
    const pooled = this.pool.submit(bytes, this.ledger.head);
    if (this.faults.take("lose_submissions")) this.pool.lose(pooled);
    else if (this.faults.take("drop_submissions")) queueMicrotask(() => this.pool.drop(pooled, "dropped"));
    return pooled;
  }

  /** Makes the next block and finalizes an older one. */
  produce(): Block {
    const parent = this.ledger.head;
    const taken = this.faults.isPoolHeld ? [] : this.pool.take(parent);
    const block = executeBlock({
      parent,
      now_ms: this.#options.clock.now(),
      extrinsics: taken.map(({ extrinsic }) => extrinsic),
      netuids: this.#netuids,
      beacon: this.#beacon,
      changes: this.#pending_changes,
    });
    if (this.#pending_changes.length > 0) {
      this.#unfinalized_changes.push({ number: block.number, changes: this.#pending_changes });
      this.#pending_changes = [];
    }
    this.ledger.append(block);
    const final_number = Math.max(this.ledger.finalized.number, block.number - this.#options.finality_lag_blocks);
    this.#options.store?.append(block, final_number);
    for (const pooled of taken) this.pool.included(pooled, block.hash);
    for (const listener of this.on_head) listener(block);
    this.#unfinalized_changes = this.#unfinalized_changes.filter(({ number }) => number > final_number);
    for (const final of this.ledger.finalize(final_number)) {
      this.pool.finalized(final.hash);
      for (const listener of this.on_finalized) listener(final);
    }
    return block;
  }

  /** Removes up to `depth` blocks that are not final and builds a longer branch. Their extrinsics wait again, or are dropped. */
  fork(depth: number, isRequeued: boolean): Block {
    const retracted = this.ledger.retract(depth);
    const undone = this.#unfinalized_changes.filter(({ number }) => number > this.ledger.head.number);
    this.#unfinalized_changes = this.#unfinalized_changes.filter((each) => !undone.includes(each));
    this.#pending_changes.unshift(...undone.flatMap(({ changes }) => changes));
    const wasHeld = this.faults.isPoolHeld;
    this.faults.isPoolHeld = true;
    for (const { hash } of retracted) this.pool.retracted(hash, isRequeued);
    for (let count = 0; count < retracted.length; count++) this.produce();
    this.faults.isPoolHeld = wasHeld;
    return this.produce();
  }

  /** Registers a neuron, or changes stake and permit of a known one, from the next block on. @returns its uid */
  registerNeuron(netuid: number, neuron: GenesisNeuron): number {
    if (!this.#netuids.includes(netuid)) throw new RpcError(-32602, "Invalid params", `there is no subnet ${netuid}`);
    const trial = this.ledger.head.state.branch();
    for (const change of this.#pending_changes) change(trial);
    const uid = registerNeuron(new Subnet(trial, netuid), neuron);
    this.#pending_changes.push((state) => void registerNeuron(new Subnet(state, netuid), neuron));
    return uid;
  }

  setParameters(netuid: number, parameters: SubnetParameters): void {
    if (!this.#netuids.includes(netuid)) throw new RpcError(-32602, "Invalid params", `there is no subnet ${netuid}`);
    this.#pending_changes.push((state) => setParameters(new Subnet(state, netuid), parameters));
  }
}

function freshLedger({ genesis, store }: NodeOptions): Ledger {
  const block = sealBlock(undefined, [], genesisState(genesis));
  store?.begin(block);
  return new Ledger(block.hash, [block], 0);
}
