import { sr25519Verify } from "@polkadot/wasm-crypto";
import { u32 } from "#shared/chain/scale.ts";
import { decodeExtrinsic, type Era, eraBirth, type SignedExtrinsic, signedBytes } from "../runtime/extrinsic.ts";
import { fromHex, hex } from "../runtime/hashing.ts";
import { items } from "../runtime/storage-items.ts";
import { type PoolCodes, poolRefusal } from "../runtime/weights.ts";
import type { Block } from "./block.ts";
import { nonceOf } from "./execute.ts";
import { RpcError } from "./rpc-error.ts";

/** The state of a watched extrinsic, as JSON-RPC shows it. */
export type Status =
  | "ready"
  | "future"
  | "dropped"
  | "invalid"
  | { readonly inBlock: string }
  | { readonly retracted: string }
  | { readonly finalized: string }
  | { readonly usurped: string };

export interface Pooled {
  readonly extrinsic: SignedExtrinsic;
  readonly hash: string;
  /** The block that holds it now. */
  block_hash: string | undefined;
  readonly watchers: Set<(status: Status) => void>;
}

const pool_size_max = 4_096;

/** Extrinsics that wait for a block, and extrinsics in blocks that are not final yet. */
export class Pool {
  readonly #pooled = new Map<string, Pooled>();
  readonly #genesis_hash: Uint8Array;
  readonly #codes: PoolCodes;

  constructor(genesis_hash: string, codes: PoolCodes) {
    this.#genesis_hash = fromHex(genesis_hash);
    this.#codes = codes;
  }

  /** Checks an extrinsic against the best state and takes it. @throws RpcError with the code of a real node when it is refused */
  submit(bytes: Uint8Array, head: Block): Pooled {
    const extrinsic = decode(bytes);
    const hash = hex(extrinsic.hash);
    if (this.#pooled.has(hash)) throw new RpcError(1013, "Transaction is already imported", "Already imported");
    if (this.#pooled.size >= pool_size_max)
      throw new RpcError(1016, "Immediately Dropped", "The transaction couldn't enter the pool because of the limit");
    const reason = this.#invalidity(extrinsic, head);
    if (reason !== undefined) throw new RpcError(1010, "Invalid Transaction", reason);
    const rival = [...this.#pooled.values()].find(
      (other) => other.block_hash === undefined && isSameSlot(other.extrinsic, extrinsic),
    );
    if (rival !== undefined) {
      throw new RpcError(
        1014,
        "Priority is too low",
        "The transaction has too low priority to replace another transaction already in the pool",
      );
    }
    const pooled: Pooled = { extrinsic, hash, block_hash: undefined, watchers: new Set() };
    this.#pooled.set(hash, pooled);
    return pooled;
  }

  /** The extrinsics of the next block: for each signer in the order of nonces, without gaps. Invalid ones are dropped. */
  take(head: Block): Pooled[] {
    const next_nonce = new Map<string, number>();
    const taken: Pooled[] = [];
    for (const pooled of [...this.#waiting()].toSorted((a, b) => a.extrinsic.nonce - b.extrinsic.nonce)) {
      const signer = hex(pooled.extrinsic.signer);
      const expected = next_nonce.get(signer) ?? nonceOf(head.state, pooled.extrinsic.signer);
      if (pooled.extrinsic.nonce > expected) continue;
      const reason = pooled.extrinsic.nonce < expected ? "stale" : this.#invalidity(pooled.extrinsic, head);
      if (reason !== undefined) {
        this.drop(pooled, "invalid");
        continue;
      }
      next_nonce.set(signer, expected + 1);
      taken.push(pooled);
    }
    return taken;
  }

  included(pooled: Pooled, block_hash: string): void {
    pooled.block_hash = block_hash;
    tell(pooled, { inBlock: block_hash });
  }

  /** Puts the extrinsics of a removed block back, or forgets them. */
  retracted(block_hash: string, isRequeued: boolean): void {
    for (const pooled of this.#inBlock(block_hash)) {
      tell(pooled, { retracted: block_hash });
      pooled.block_hash = undefined;
      if (!isRequeued) this.drop(pooled, "dropped");
    }
  }

  finalized(block_hash: string): void {
    for (const pooled of this.#inBlock(block_hash)) {
      tell(pooled, { finalized: block_hash });
      this.#pooled.delete(pooled.hash);
    }
  }

  drop(pooled: Pooled, status: "dropped" | "invalid"): void {
    this.#pooled.delete(pooled.hash);
    tell(pooled, status);
  }

  /** Forgets an extrinsic silently, like a node that loses its pool. */
  lose(pooled: Pooled): void {
    this.#pooled.delete(pooled.hash);
  }

  pending(): string[] {
    return [...this.#waiting()].map(({ extrinsic }) => hex(extrinsic.bytes));
  }

  *#waiting(): Generator<Pooled> {
    for (const pooled of this.#pooled.values()) if (pooled.block_hash === undefined) yield pooled;
  }

  #inBlock(block_hash: string): Pooled[] {
    return [...this.#pooled.values()].filter((pooled) => pooled.block_hash === block_hash);
  }

  #invalidity(extrinsic: SignedExtrinsic, head: Block): string | undefined {
    const birth = extrinsic.era === null ? this.#genesis_hash : birthHash(extrinsic.era, head);
    if (birth === undefined) return "Transaction has an ancient birth block";
    const signed = signedBytes(extrinsic, this.#genesis_hash, birth);
    if (!sr25519Verify(extrinsic.signature, signed, extrinsic.signer)) return "Transaction has a bad signature";
    if (extrinsic.nonce < nonceOf(head.state, extrinsic.signer)) return "Transaction is outdated";
    const custom = poolRefusal(head.state, extrinsic, head.number + 1, this.#codes);
    return custom === undefined ? undefined : `Custom error: ${custom}`;
  }
}

/** The hash of the block that the era began in, as the block after `head` sees it. */
function birthHash(era: Era, { number, hash, state }: Block): Uint8Array | undefined {
  const birth = eraBirth(era, number + 1);
  // Storage holds the head's own hash only from the next block on.
  if (birth === number) return fromHex(hash);
  return state.has(items.block_hash, u32(birth)) ? state.read(items.block_hash, u32(birth)).take(32) : undefined;
}

function decode(bytes: Uint8Array): SignedExtrinsic {
  try {
    return decodeExtrinsic(bytes);
  } catch (cause) {
    throw new RpcError(1001, "Extrinsic has invalid format", (cause as Error).message, { cause });
  }
}

function isSameSlot(a: SignedExtrinsic, b: SignedExtrinsic): boolean {
  return a.nonce === b.nonce && Buffer.from(a.signer).equals(b.signer);
}

function tell(pooled: Pooled, status: Status): void {
  for (const watcher of pooled.watchers) watcher(status);
}
