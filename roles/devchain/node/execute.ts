import { join, ScaleReader, u32, u64, vec } from "#shared/chain/scale.ts";
import { roundAt } from "#shared/chain/schedule.ts";
import { block_hash_count } from "../metadata/build.ts";
import { revealCommits, runEpochs } from "../runtime/epochs.ts";
import { type SignedExtrinsic, timestampInherent } from "../runtime/extrinsic.ts";
import { fromHex } from "../runtime/hashing.ts";
import { type DispatchErrorName, eventIndexes, palletErrors, palletIndexes } from "../runtime/names.ts";
import type { State } from "../runtime/state.ts";
import { items } from "../runtime/storage-items.ts";
import { commitWeights, type Dispatched, type EventBytes, event, setWeights } from "../runtime/weights.ts";
import { type Block, sealBlock } from "./block.ts";

const noTopics = Uint8Array.of(0);
const phaseInitialization = Uint8Array.of(2);
/** `DispatchEventInfo`: no weight counted, class normal, `Pays::No`. */
const freeInfo = Uint8Array.of(0, 0, 0, 1);
/** The inherent is mandatory and free. */
const inherentInfo = Uint8Array.of(0, 0, 2, 1);
const dispatch_error_module = 3;

export interface BlockInput {
  readonly parent: Block;
  readonly now_ms: number;
  readonly extrinsics: readonly SignedExtrinsic[];
  readonly netuids: readonly number[];
  readonly beacon: { sign(round: number): string };
  /** Changes from outside the chain, made before anything else in the block. */
  readonly changes: readonly ((state: State) => void)[];
}

/** Builds the next block: clock, epochs and reveals, then the extrinsics. An extrinsic uses its nonce even if it fails. */
export function executeBlock({ parent, now_ms, extrinsics, netuids, beacon, changes }: BlockInput): Block {
  const state = parent.state.branch();
  const number = parent.number + 1;
  state.write(items.number, [], u32(number));
  state.write(items.parent_hash, [], fromHex(parent.hash));
  state.write(items.block_hash, [u32(parent.number)], fromHex(parent.hash));
  if (number > block_hash_count) state.remove(items.block_hash, u32(number - 1 - block_hash_count));
  state.write(items.now, [], u64(now_ms));
  state.write(items.last_stored_round, [], u64(roundAt(now_ms)));
  for (const change of changes) change(state);
  runEpochs(state, netuids, number);
  const records = revealCommits(state, netuids, number, beacon).map((bytes) => record(phaseInitialization, bytes));
  records.push(record(phaseOf(0), event(eventIndexes.extrinsic_success, inherentInfo)));
  for (const [index, extrinsic] of extrinsics.entries()) {
    for (const bytes of apply(state, extrinsic, number)) records.push(record(phaseOf(index + 1), bytes));
  }
  state.write(items.events, [], vec(records));
  return sealBlock(parent, [timestampInherent(now_ms), ...extrinsics.map(({ bytes }) => bytes)], state);
}

/** The nonce the account's next extrinsic must have. */
export function nonceOf(state: State, account: Uint8Array): number {
  return state.read(items.account, account).u32();
}

function apply(state: State, extrinsic: SignedExtrinsic, number: number): EventBytes[] {
  bumpNonce(state, extrinsic.signer);
  const result = dispatch(state, extrinsic, number);
  if ("error" in result) return [event(eventIndexes.extrinsic_failed, moduleError(result.error), freeInfo)];
  return [...result.events, event(eventIndexes.extrinsic_success, freeInfo)];
}

function dispatch(state: State, { call, signer }: SignedExtrinsic, number: number): Dispatched {
  switch (call.kind) {
    case "set_weights":
      return setWeights(state, call, signer, number);
    case "commit":
      return commitWeights(state, call, signer, number);
    case "remark":
      return { events: [] };
  }
}

function bumpNonce(state: State, account: Uint8Array): void {
  const info = new ScaleReader(state.read(items.account, account).bytes);
  const nonce = info.u32();
  state.write(items.account, [account], join(u32(nonce + 1), info.take(info.rest)));
}

function moduleError(name: DispatchErrorName): Uint8Array {
  return Uint8Array.of(dispatch_error_module, palletIndexes.SubtensorModule, palletErrors.indexOf(name), 0, 0, 0);
}

function phaseOf(extrinsic_index: number): Uint8Array {
  return join(Uint8Array.of(0), u32(extrinsic_index));
}

function record(phase: Uint8Array, bytes: EventBytes): Uint8Array {
  return join(phase, bytes, noTopics);
}
