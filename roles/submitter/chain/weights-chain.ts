import type { BlockRef, Chain, SubnetState } from "#shared/chain/chain.ts";
import { readCommitsAt, readSubnetAt, type StandingCommit } from "#shared/chain/chain-reads.ts";
import { ChainConnection, type ConnectionOptions, type Session } from "#shared/chain/connection.ts";
import type { Hotkey } from "#shared/chain/hotkey.ts";
import { PolkadotChain } from "#shared/chain/metagraph.ts";
import { storageIndex } from "#shared/chain/storage-index.ts";
import { limits } from "#shared/schemas/limits.ts";
import { type ChainRefusal, refusalOfSubmission } from "./chain-errors.ts";
import { findExtrinsic, type InBlock } from "./extrinsic-search.ts";
import { type SignedCall, signCall, type WeightsCall } from "./sign-call.ts";
import { type WatchOptions, watchExtrinsic } from "./watch-extrinsic.ts";

export interface WeightsSubject {
  readonly netuid: number;
  readonly mechanism: number;
  readonly hotkey: string;
}

/** How a submission ended, as far as this connection can tell. */
export type Submitted =
  | { readonly kind: "finalized"; readonly in_block: InBlock }
  | { readonly kind: "refused"; readonly refusal: ChainRefusal }
  /** Dropped, disconnected or too late: only the chain's state tells what became of it. */
  | { readonly kind: "unknown"; readonly reason: string };

/** The chain as a validator needs it to set weights. */
export interface WeightsChain extends Chain {
  genesisHash(): Promise<string>;
  blockTimeMs(): Promise<number>;
  readSubnet(subject: WeightsSubject, at?: BlockRef): Promise<SubnetState>;
  readCommits(subject: WeightsSubject, epoch: number, at: BlockRef): Promise<readonly StandingCommit[]>;
  /** True when the runtime has the timelocked form of commit-reveal for this mechanism. */
  canCommitTimelocked(mechanism: number): Promise<boolean>;
  sign(
    call: WeightsCall,
    how: { readonly hotkey: Hotkey; readonly nonce: number; readonly birth: BlockRef; readonly era_blocks: number },
  ): Promise<SignedCall>;
  /** Sends once, never again, and watches until it is final or `deadline_ms` have passed. Never rejects. */
  submit(signed: SignedCall, options: WatchOptions): Promise<Submitted>;
  /** Looks for an extrinsic in the blocks `from` to `to`; null when none of them holds it. */
  find(extrinsic_hash: string, from: number, to: number): Promise<InBlock | null>;
}

/** Opens the chain to set weights on it. `connectChain` says how endpoints are used. */
export function connectWeightsChain(options: ConnectionOptions): WeightsChain {
  return new PolkadotWeightsChain(new ChainConnection(options));
}

/** The main network's block time, for a runtime that does not say its own. */
const block_time_ms = 12_000;

class PolkadotWeightsChain extends PolkadotChain implements WeightsChain {
  async genesisHash(): Promise<string> {
    return await this.connection.read(async ({ api }) => api.genesisHash.toHex());
  }

  async blockTimeMs(): Promise<number> {
    return await this.connection.read(async ({ api }) => {
      const minimum_period = Number(api.consts["timestamp"]?.["minimumPeriod"]?.toString() ?? 0);
      return minimum_period > 0 ? minimum_period * 2 : block_time_ms;
    });
  }

  async readSubnet(subject: WeightsSubject, at?: BlockRef): Promise<SubnetState> {
    return await this.connection.read(async ({ api }) => await readSubnetAt(api, subject, at ?? (await this.head())));
  }

  async readCommits(subject: WeightsSubject, epoch: number, at: BlockRef): Promise<readonly StandingCommit[]> {
    const index = storageIndex(subject.netuid, subject.mechanism);
    return await this.connection.read(async ({ api }) => await readCommitsAt(api, index, epoch, at));
  }

  async canCommitTimelocked(mechanism: number): Promise<boolean> {
    const name = mechanism === 0 ? "commitTimelockedWeights" : "commitTimelockedMechanismWeights";
    return await this.connection.read(async ({ api }) => api.tx["subtensorModule"]?.[name] !== undefined);
  }

  async sign(call: WeightsCall, how: Parameters<WeightsChain["sign"]>[1]): Promise<SignedCall> {
    return await this.connection.read(async ({ api }) => signCall(api, call, how));
  }

  async submit(signed: SignedCall, options: WatchOptions): Promise<Submitted> {
    let session: Session;
    try {
      session = await this.connection.session();
    } catch (error) {
      return { kind: "unknown", reason: (error as Error).message };
    }
    const end = await watchExtrinsic(session.provider, signed.hex, options);
    if (end.kind === "error") {
      const refusal = refusalOfSubmission(end.error);
      return refusal === undefined ? { kind: "unknown", reason: end.error.message } : { kind: "refused", refusal };
    }
    if (end.kind === "lost") return { kind: "unknown", reason: end.reason };
    try {
      const in_block = await this.connection.read(
        async ({ api }) => await findExtrinsic(api, signed.hash, [end.block_hash]),
      );
      return in_block === null
        ? { kind: "unknown", reason: "the final block does not hold it" }
        : { kind: "finalized", in_block };
    } catch (error) {
      return { kind: "unknown", reason: (error as Error).message };
    }
  }

  async find(extrinsic_hash: string, from: number, to: number): Promise<InBlock | null> {
    const last = Math.min(to, from + limits.chain.search_blocks_max);
    return await this.connection.read(async ({ api }) => {
      for (let number = from; number <= last; number++) {
        const found = await findExtrinsic(api, extrinsic_hash, [(await api.rpc.chain.getBlockHash(number)).toHex()]);
        if (found !== null) return found;
      }
      return null;
    });
  }
}
