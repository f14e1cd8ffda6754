import { compact, join, vec } from "#shared/chain/scale.ts";
import { blake2_256, fromHex, hex } from "../runtime/hashing.ts";
import type { State } from "../runtime/state.ts";

/** A header as JSON-RPC shows it. */
export interface Header {
  readonly parentHash: string;
  readonly number: string;
  readonly stateRoot: string;
  readonly extrinsicsRoot: string;
  readonly digest: { readonly logs: readonly string[] };
}

export interface Block {
  readonly number: number;
  readonly hash: string;
  readonly header: Header;
  readonly extrinsics: readonly Uint8Array[];
  /** The state after the block. */
  readonly state: State;
}

export const zeroHash = hex(new Uint8Array(32));

/** Completes a block: computes its roots, from its changes and extrinsics, and the hash of its header. */
export function sealBlock(parent: Block | undefined, extrinsics: readonly Uint8Array[], state: State): Block {
  const number = parent === undefined ? 0 : parent.number + 1;
  const parent_hash = parent?.hash ?? zeroHash;
  const state_root = blake2_256(join(fromHex(parent?.header.stateRoot ?? zeroHash), changesBytes(state)));
  const extrinsics_root = blake2_256(vec(extrinsics));
  const encoded = join(fromHex(parent_hash), compact(number), state_root, extrinsics_root, vec([]));
  const header: Header = {
    parentHash: parent_hash,
    number: `0x${number.toString(16)}`,
    stateRoot: hex(state_root),
    extrinsicsRoot: hex(extrinsics_root),
    digest: { logs: [] },
  };
  return { number, hash: hex(blake2_256(encoded)), header, extrinsics, state };
}

function changesBytes(state: State): Uint8Array {
  const sorted = [...state.changes].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return join(...sorted.map(([key, value]) => join(fromHex(key), value ?? new Uint8Array())));
}
