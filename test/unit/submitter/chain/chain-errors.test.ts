import { expect, test } from "bun:test";
import { refusalOfSubmission } from "../../../../roles/submitter/chain/chain-errors.ts";

test.each([
  [{ code: 1010, message: "1010: Invalid Transaction: Custom error: 6" }, "SettingWeightsTooFast", false],
  [{ code: 1010, data: "Custom error: 1" }, "NotEnoughStakeToSetWeights", true],
  [{ code: 1010, data: "Custom error: 10" }, "HotKeyNotRegisteredInSubNet", true],
  [{ code: 1010, data: "Custom error: 255" }, "Custom255", true],
  [{ code: 1010, data: "Transaction is outdated" }, "Stale", false],
  [{ code: 1010, data: "Transaction has a bad signature" }, "BadProof", false],
  [{ code: 1012, message: "Transaction is temporarily banned" }, "PoolUnwilling", false],
])("the pool's %p means %s", (error, name, isPermanent) => {
  expect(refusalOfSubmission(error)).toEqual({ name, isPermanent });
});

test("an answer that leaves open whether it was taken is none", () => {
  expect(refusalOfSubmission({ code: 1013, message: "Transaction is already imported" })).toBeUndefined();
  expect(refusalOfSubmission({ code: 1014, message: "Priority is too low" })).toBeUndefined();
  expect(refusalOfSubmission(new Error("disconnected"))).toBeUndefined();
});
