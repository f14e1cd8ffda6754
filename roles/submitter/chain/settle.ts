import type { BlockRef, SubnetState } from "#shared/chain/chain.ts";
import { storageIndex } from "#shared/chain/storage-index.ts";
import type { JournalEntry, Settlement } from "../journal.ts";
import { refusalByName } from "./chain-errors.ts";
import { isVector, stands } from "./reveal-check.ts";
import type { WeightsChain } from "./weights-chain.ts";

/** What the finalized state says about a submission in the journal. `search`: only the blocks can tell. */
export type Judgement = "wait" | "dead" | "landed" | "search";

/**
 * Judges an entry by finalized state (chain §6.5). An unused nonce means `wait`, and `dead` after the era. A used nonce with our
 * effect means `landed`. A used nonce without our effect means `search`.
 */
export function judge(
  entry: JournalEntry,
  facts: { readonly state: SubnetState; readonly hasEffect: boolean },
): Judgement {
  const { state, hasEffect } = facts;
  if (state.nonce <= entry.nonce) return state.block > entry.era_end ? "dead" : "wait";
  return hasEffect && state.last_update > entry.last_update_before ? "landed" : "search";
}

export type Reconciled = "wait" | Omit<Settlement, "entry">;

/** Finds out at the finalized head what happened to a submission. It only reads, so it is safe to repeat. */
export async function reconcile(chain: WeightsChain, entry: JournalEntry): Promise<Reconciled> {
  if ((await chain.genesisHash()) !== entry.genesis_hash) {
    return { outcome: "dead", block: null, error: "this is another chain than the one it was signed for" };
  }
  const finalized = await chain.finalizedHead();
  const state = await chain.readSubnet(entry, finalized);
  const hasEffect = await isEffective(chain, entry, state, finalized);
  switch (judge(entry, { state, hasEffect })) {
    case "wait":
      return "wait";
    case "dead":
      return { outcome: "dead", block: null, error: "its era is over and no block holds it" };
    case "landed":
      return { outcome: "landed", block: state.last_update, error: null };
    case "search":
      return await search(chain, entry, Math.min(entry.era_end, finalized.block));
  }
}

async function search(chain: WeightsChain, entry: JournalEntry, to: number): Promise<Omit<Settlement, "entry">> {
  const found = await chain.find(entry.extrinsic_hash, entry.era_birth, to);
  if (found === null)
    return { outcome: "superseded", block: null, error: "another extrinsic of the hotkey took its nonce" };
  if (found.refusal === null) return { outcome: "landed", block: found.block, error: null };
  return { outcome: "failed", block: found.block, error: refusalByName(found.refusal.name).name };
}

async function isEffective(
  chain: WeightsChain,
  entry: JournalEntry,
  state: SubnetState,
  at: BlockRef,
): Promise<boolean> {
  if (state.uid === null) return false;
  if (entry.commit !== undefined && (await stands(chain, entry, entry.commit.epoch, at))) return true;
  return isVector(await chain.readWeights(storageIndex(entry.netuid, entry.mechanism), state.uid, at), entry);
}
