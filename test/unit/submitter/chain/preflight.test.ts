import { describe, expect, test } from "bun:test";
import { preflight } from "../../../../roles/submitter/chain/preflight.ts";
import { subnetState } from "../../../support/builders/subnet-state.ts";

describe("before sending", () => {
  const vector = { uids: [1, 2], values: [1, 2] };

  test.each([
    ["SubnetNotExists", { exists: false }, vector],
    ["UidsLengthExceedUidsInSubNet", { neuron_count: 1 }, vector],
    ["HotKeyNotRegisteredInSubNet", { uid: null }, vector],
    ["NotEnoughStakeToSetWeights", { stake: 999n }, vector],
    ["IncorrectWeightVersionKey", { version_key: 6n }, vector],
    ["NeuronNoValidatorPermit", { validator_permit: false }, vector],
    ["UidVecContainInvalidOne", {}, { uids: [1, 10], values: [1, 2] }],
    ["WeightVecLengthIsLow", {}, { uids: [1], values: [1] }],
    ["MaxWeightExceeded", { max_weights_limit: 40_000 }, vector],
  ] as const)("%s is known without asking the chain", (name, part, bad) => {
    expect(preflight(subnetState(part), bad, 5n)).toEqual({ kind: "refused", name });
  });

  test("a good vector goes, also one's own weight alone without a permit, and any key where none is asked for", () => {
    expect(preflight(subnetState(), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(subnetState({ validator_permit: false }), { uids: [3], values: [9] }, 5n)).toEqual({ kind: "go" });
    expect(preflight(subnetState({ version_key: 0n }), vector, 0n)).toEqual({ kind: "go" });
    expect(preflight(subnetState({ stake: null }), vector, 5n)).toEqual({ kind: "go" });
  });

  test("it goes in the first block behind the window, and not at an epoch's edge", () => {
    expect(preflight(subnetState({ last_update: 101 }), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(subnetState({ last_update: 102 }), vector, 5n)).toEqual({ kind: "wait", until_block: 202 });
    expect(preflight(subnetState({ block: 457 }), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(subnetState({ block: 458 }), vector, 5n)).toEqual({ kind: "wait", until_block: 461 });
  });
});
