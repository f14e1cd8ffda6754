import { u16, u64 } from "#shared/chain/scale.ts";
import { afterEpoch, type EpochState, nextEpochBlock } from "#shared/chain/schedule.ts";
import { storageIndex } from "#shared/chain/storage-index.ts";
import { decodeRevealPayload, decryptWithSignature, TimelockError } from "#shared/chain/timelock.ts";
import { eventIndexes } from "./names.ts";
import type { State } from "./state.ts";
import { items } from "./storage-items.ts";
import { type Commit, Subnet } from "./subnet.ts";
import { applyWeights, type EventBytes, event } from "./weights.ts";

/** The runtime runs at most this many subnets' epochs in one block. */
const epochs_per_block_max = 2;

/** A subnet's position in its cycle of epochs at the block of `state`. */
export function epochStateOf(subnet: Subnet): Extract<EpochState, { kind: "stateful" }> {
  return {
    kind: "stateful",
    tempo: subnet.u16(items.tempo),
    last_epoch_block: subnet.u64(items.last_epoch_block),
    pending_epoch_at: subnet.u64(items.pending_epoch_at),
    epoch_index: subnet.u64(items.subnet_epoch_index),
    blocks_since_last_step: subnet.u64(items.blocks_since_last_step),
  };
}

/** Fires the epochs that are due in `block`. */
export function runEpochs(state: State, netuids: readonly number[], block: number): void {
  let run = 0;
  for (const netuid of netuids) {
    const subnet = new Subnet(state, netuid);
    const before = epochStateOf(subnet);
    const isDue = before.tempo > 0 && nextEpochBlock(before, block - 1) <= block;
    if (!isDue || run >= epochs_per_block_max) {
      subnet.write(items.blocks_since_last_step, u64(before.blocks_since_last_step + 1));
      continue;
    }
    run += 1;
    const after = afterEpoch(before, block);
    if (after.kind !== "stateful") continue;
    subnet.write(items.last_epoch_block, u64(after.last_epoch_block));
    subnet.write(items.pending_epoch_at, u64(after.pending_epoch_at));
    subnet.write(items.subnet_epoch_index, u64(after.epoch_index));
    subnet.write(items.blocks_since_last_step, u64(0));
  }
}

/**
 * Opens the commits whose reveal epoch this is, once their round is public. A commit that cannot be opened, or is refused, is
 * dropped silently, as on the real chain.
 */
export function revealCommits(
  state: State,
  netuids: readonly number[],
  block: number,
  beacon: { sign(round: number): string },
): EventBytes[] {
  const public_round = state.read(items.last_stored_round).u64();
  const events: EventBytes[] = [];
  for (const netuid of netuids) {
    const subnet = new Subnet(state, netuid);
    const reveal_epoch = subnet.u64(items.subnet_epoch_index) - subnet.u64(items.reveal_period_epochs);
    if (reveal_epoch < 0) continue;
    for (let mechanism = 0; mechanism < subnet.mechanism_count; mechanism++) {
      const index = storageIndex(netuid, mechanism);
      if (reveal_epoch > 0 && subnet.commits(index, reveal_epoch - 1).length > 0)
        subnet.setCommits(index, reveal_epoch - 1, []);
      const commits = subnet.commits(index, reveal_epoch);
      if (commits.length === 0) continue;
      const ready = commits.filter(({ reveal_round }) => reveal_round <= public_round);
      if (ready.length === 0) continue;
      subnet.setCommits(
        index,
        reveal_epoch,
        commits.filter(({ reveal_round }) => reveal_round > public_round),
      );
      for (const commit of ready) events.push(...reveal(state, { netuid, mechanism, block }, commit, beacon));
    }
  }
  return events;
}

function reveal(
  state: State,
  at: { readonly netuid: number; readonly mechanism: number; readonly block: number },
  commit: Commit,
  beacon: { sign(round: number): string },
): EventBytes[] {
  const payload = open(commit, beacon);
  if (payload === undefined || !Buffer.from(payload.hotkey_public_key).equals(commit.hotkey)) return [];
  const { uids, values, version_key } = payload;
  const result = applyWeights(
    state,
    { kind: "set_weights", ...at, uids, values, version_key },
    commit.hotkey,
    at.block,
  );
  if ("error" in result) return [];
  return [
    ...result.events,
    event(eventIndexes.timelocked_revealed, u16(storageIndex(at.netuid, at.mechanism)), commit.hotkey),
  ];
}

function open(commit: Commit, beacon: { sign(round: number): string }) {
  try {
    return decodeRevealPayload(decryptWithSignature(commit.ciphertext, beacon.sign(Number(commit.reveal_round))));
  } catch (error) {
    if (!(error instanceof TimelockError)) throw error;
    // Garbage, or for another beacon: the chain ignores it, and the committer must notice.
    return undefined;
  }
}
