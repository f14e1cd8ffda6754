import type { JournalEntry } from "../../../roles/submitter/journal.ts";

/** A submission as it stands in the journal: sent in block 198, good until 213. */
export const journalEntry: JournalEntry = {
  genesis_hash: "0x01",
  netuid: 1,
  mechanism: 0,
  hotkey: "5Grw",
  kind: "set",
  extrinsic_hash: "0x02",
  nonce: 7,
  era_birth: 198,
  era_end: 213,
  last_update_before: 50,
  vector_digest: "d",
  uids: [1, 2],
  values: [1, 65_535],
};
