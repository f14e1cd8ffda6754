import type { ApiPromise } from "@polkadot/api";
import type { BlockRef } from "#shared/chain/chain.ts";
import type { Hotkey } from "#shared/chain/hotkey.ts";

export type WeightsCall =
  | {
      readonly kind: "set";
      readonly netuid: number;
      readonly mechanism: number;
      readonly uids: readonly number[];
      readonly values: readonly number[];
      readonly version_key: bigint;
    }
  | {
      readonly kind: "commit";
      readonly netuid: number;
      readonly mechanism: number;
      readonly commit: Uint8Array;
      readonly reveal_round: number;
      readonly commit_reveal_version: number;
    };

export interface SignedCall {
  readonly hex: `0x${string}`;
  /** Hash of the extrinsic, 0x-prefixed. */
  readonly hash: string;
  /** The last block that can hold it. */
  readonly era_end: number;
}

/** MultiSignature's variant of sr25519. */
const sr25519_prefix = 1;

/** Signs `call` with a mortal era that begins at `birth`. @throws Error when this runtime does not have the call */
export function signCall(
  api: ApiPromise,
  call: WeightsCall,
  {
    hotkey,
    nonce,
    birth,
    era_blocks,
  }: { readonly hotkey: Hotkey; readonly nonce: number; readonly birth: BlockRef; readonly era_blocks: number },
): SignedCall {
  const extrinsic = build(api, call);
  const era = api.createType("ExtrinsicEra", { current: birth.block, period: era_blocks });
  const signer = {
    address: hotkey.address,
    addressRaw: hotkey.public_key,
    publicKey: hotkey.public_key,
    sign: (message: Uint8Array) => Uint8Array.of(sr25519_prefix, ...hotkey.sign(message)),
  };
  extrinsic.sign(signer as unknown as Parameters<typeof extrinsic.sign>[0], {
    blockHash: birth.block_hash,
    era,
    genesisHash: api.genesisHash,
    nonce,
    runtimeVersion: api.runtimeVersion,
    tip: 0,
  });
  return { hex: extrinsic.toHex(), hash: extrinsic.hash.toHex(), era_end: era.asMortalEra.death(birth.block) - 1 };
}

function build(api: ApiPromise, call: WeightsCall) {
  const { name, args } = nameAndArgs(call);
  const make = api.tx["subtensorModule"]?.[name];
  if (make === undefined) throw new Error(`this runtime has no call subtensorModule.${name}`);
  return make(...args);
}

/** Mechanism 0 uses the plain calls, which every runtime has. */
function nameAndArgs(call: WeightsCall): { readonly name: string; readonly args: readonly unknown[] } {
  const target = call.mechanism === 0 ? [call.netuid] : [call.netuid, call.mechanism];
  if (call.kind === "set") {
    const name = call.mechanism === 0 ? "setWeights" : "setMechanismWeights";
    return { name, args: [...target, call.uids, call.values, call.version_key] };
  }
  const name = call.mechanism === 0 ? "commitTimelockedWeights" : "commitTimelockedMechanismWeights";
  // Hex, because the library takes raw bytes for an encoding with a length prefix.
  const commit = `0x${Buffer.from(call.commit).toString("hex")}`;
  return { name, args: [...target, commit, call.reveal_round, call.commit_reveal_version] };
}
