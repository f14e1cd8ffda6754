import { describe, expect, test } from "bun:test";
import { judge } from "../../../../roles/submitter/chain/settle.ts";
import { journalEntry } from "../../../support/builders/journal-entry.ts";
import { subnetState } from "../../../support/builders/subnet-state.ts";

describe("what became of it", () => {
  test.each([
    ["wait", "the nonce is unused and the era runs", { block: 213, nonce: 7 }, false],
    ["dead", "the nonce is unused and the era is over", { block: 214, nonce: 7 }, false],
    ["landed", "the nonce is used and the vector stands", { block: 205, nonce: 8, last_update: 201 }, true],
    ["search", "the nonce is used without effect", { block: 205, nonce: 8 }, false],
    ["search", "the vector stood there before and LastUpdate did not move", { block: 205, nonce: 8 }, true],
  ] as const)("%s: %s", (judgement, _why, part, hasEffect) => {
    expect(judge(journalEntry, { state: subnetState(part), hasEffect })).toBe(judgement);
  });
});
