import type { BlockRef, WeightEntry } from "#shared/chain/chain.ts";
import type { StandingCommit } from "#shared/chain/chain-reads.ts";
import { storageIndex } from "#shared/chain/storage-index.ts";
import type { JournalEntry } from "../journal.ts";
import type { WeightsChain } from "./weights-chain.ts";

/** What happened to a commit: its vector is on chain, it waits for its round, or the chain dropped it silently. */
export type RevealOutcome = "revealed" | "waiting" | "missed";

/**
 * Finds out at the finalized head whether a commit was revealed. The chain does not report a failed reveal (chain §5). The
 * commit's own block must be final.
 */
export async function checkReveal(chain: WeightsChain, entry: JournalEntry, uid: number): Promise<RevealOutcome> {
  const { commit } = entry;
  if (commit === undefined) return "revealed";
  const at = await chain.finalizedHead();
  const stored = await chain.readWeights(storageIndex(entry.netuid, entry.mechanism), uid, at);
  if (isVector(stored, entry)) return "revealed";
  // An epoch may have fired between signing and landing.
  const epochs = [commit.epoch, commit.epoch + 1];
  for (const epoch of epochs) if (await stands(chain, entry, epoch, at)) return "waiting";
  return "missed";
}

/** Whether the commit of `entry` waits for its reveal in `epoch`. */
export async function stands(chain: WeightsChain, entry: JournalEntry, epoch: number, at: BlockRef): Promise<boolean> {
  const standing: readonly StandingCommit[] = await chain.readCommits(entry, epoch, at);
  return standing.some(({ hotkey, commit }) => hotkey === entry.hotkey && commit === entry.commit?.bytes);
}

/** Whether the stored weights are exactly the entry's. */
export function isVector(stored: readonly WeightEntry[], entry: Pick<JournalEntry, "uids" | "values">): boolean {
  return (
    stored.length === entry.uids.length &&
    stored.every(([uid, value], index) => uid === entry.uids[index] && value === entry.values[index])
  );
}
