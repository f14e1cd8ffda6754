import type { ApiPromise } from "@polkadot/api";
import { type ChainRefusal, refusalByName } from "./chain-errors.ts";

/** An extrinsic in a block. `refusal` is null when it succeeded. */
export interface InBlock {
  readonly block: number;
  readonly block_hash: string;
  readonly refusal: ChainRefusal | null;
}

interface DispatchErrorCodec {
  readonly isModule: boolean;
  readonly asModule: Parameters<ApiPromise["registry"]["findMetaError"]>[0];
  readonly type: string;
}

/** Where the extrinsic is, and its outcome: in the first of `block_hashes` that holds it. Null when none does. */
export async function findExtrinsic(
  api: ApiPromise,
  extrinsic_hash: string,
  block_hashes: readonly string[],
): Promise<InBlock | null> {
  for (const block_hash of block_hashes) {
    const { block } = await api.rpc.chain.getBlock(block_hash);
    const index = block.extrinsics.findIndex((extrinsic) => extrinsic.hash.toHex() === extrinsic_hash);
    if (index === -1) continue;
    const refusal = await outcome(api, block_hash, index);
    return { block: block.header.number.toNumber(), block_hash, refusal };
  }
  return null;
}

/** Compares the names of errors, because their indexes differ between runtimes. */
async function outcome(api: ApiPromise, block_hash: string, index: number): Promise<ChainRefusal | null> {
  const api_at = await api.at(block_hash);
  const records = (await api_at.query["system"]?.["events"]?.()) as unknown as readonly {
    readonly phase: { readonly isApplyExtrinsic: boolean; readonly asApplyExtrinsic: { eq(index: number): boolean } };
    readonly event: { readonly section: string; readonly method: string; readonly data: readonly unknown[] };
  }[];
  const own = records.filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eq(index));
  const failed = own.find(({ event }) => event.section === "system" && event.method === "ExtrinsicFailed");
  if (failed === undefined) return null;
  const error = failed.event.data[0] as DispatchErrorCodec;
  return refusalByName(error.isModule ? api_at.registry.findMetaError(error.asModule).name : error.type);
}
