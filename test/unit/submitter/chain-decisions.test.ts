import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChainUnreachableError, type SubnetState } from "#shared/chain/chain.ts";
import { cool_down_ms, EndpointRing } from "#shared/chain/endpoints.ts";
import { publicEndpoint, resolveEndpoint } from "#shared/chain/networks.ts";
import { systemClock } from "#shared/time/clock.ts";
import { refusalOfSubmission } from "../../../roles/submitter/chain/chain-errors.ts";
import { Journal, type JournalEntry, JournalError } from "../../../roles/submitter/chain/journal.ts";
import { preflight } from "../../../roles/submitter/chain/preflight.ts";
import { judge } from "../../../roles/submitter/chain/settle.ts";

const state = (part: Partial<SubnetState> = {}): SubnetState => ({
  netuid: 1,
  mechanism: 0,
  exists: true,
  block: 200,
  block_hash: "0x00",
  hotkey: "5Grw",
  uid: 3,
  neuron_count: 10,
  validator_permit: true,
  last_update: 50,
  rate_limit_blocks: 100,
  min_allowed_weights: 2,
  max_weights_limit: 65_535,
  version_key: 5n,
  is_commit_reveal_enabled: false,
  commit_reveal_version: 4,
  reveal_period_epochs: 1,
  stake: 1_000n,
  stake_threshold: 1_000n,
  nonce: 7,
  epoch: {
    kind: "stateful",
    tempo: 360,
    last_epoch_block: 100,
    pending_epoch_at: 0,
    epoch_index: 3,
    blocks_since_last_step: 100,
  },
  ...part,
});

const entry: JournalEntry = {
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
    expect(preflight(state(part), bad, 5n)).toEqual({ kind: "refused", name });
  });

  test("a good vector goes, also one's own weight alone without a permit, and any key where none is asked for", () => {
    expect(preflight(state(), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(state({ validator_permit: false }), { uids: [3], values: [9] }, 5n)).toEqual({ kind: "go" });
    expect(preflight(state({ version_key: 0n }), vector, 0n)).toEqual({ kind: "go" });
    expect(preflight(state({ stake: null }), vector, 5n)).toEqual({ kind: "go" });
  });

  test("it goes in the first block behind the window, and not at an epoch's edge", () => {
    expect(preflight(state({ last_update: 101 }), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(state({ last_update: 102 }), vector, 5n)).toEqual({ kind: "wait", until_block: 202 });
    expect(preflight(state({ block: 457 }), vector, 5n)).toEqual({ kind: "go" });
    expect(preflight(state({ block: 458 }), vector, 5n)).toEqual({ kind: "wait", until_block: 461 });
  });
});

describe("what became of it", () => {
  test.each([
    ["wait", "the nonce is unused and the era runs", { block: 213, nonce: 7 }, false],
    ["dead", "the nonce is unused and the era is over", { block: 214, nonce: 7 }, false],
    ["landed", "the nonce is used and the vector stands", { block: 205, nonce: 8, last_update: 201 }, true],
    ["search", "the nonce is used without effect", { block: 205, nonce: 8 }, false],
    ["search", "the vector stood there before and LastUpdate did not move", { block: 205, nonce: 8 }, true],
  ] as const)("%s: %s", (judgement, _why, part, has_effect) => {
    expect(judge(entry, { state: state(part), has_effect })).toBe(judgement);
  });
});

test.each([
  [{ code: 1010, message: "1010: Invalid Transaction: Custom error: 6" }, "SettingWeightsTooFast", false],
  [{ code: 1010, data: "Custom error: 1" }, "NotEnoughStakeToSetWeights", true],
  [{ code: 1010, data: "Custom error: 10" }, "HotKeyNotRegisteredInSubNet", true],
  [{ code: 1010, data: "Custom error: 255" }, "Custom255", true],
  [{ code: 1010, data: "Transaction is outdated" }, "Stale", false],
  [{ code: 1010, data: "Transaction has a bad signature" }, "BadProof", false],
  [{ code: 1012, message: "Transaction is temporarily banned" }, "PoolUnwilling", false],
])("the pool's %p means %s", (error, name, is_permanent) => {
  expect(refusalOfSubmission(error)).toEqual({ name, is_permanent });
});

test("an answer that leaves open whether it was taken is none", () => {
  expect(refusalOfSubmission({ code: 1013, message: "Transaction is already imported" })).toBeUndefined();
  expect(refusalOfSubmission({ code: 1014, message: "Priority is too low" })).toBeUndefined();
  expect(refusalOfSubmission(new Error("disconnected"))).toBeUndefined();
});

describe("the journal", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "journal-"));
  });
  afterEach(async () => await rm(directory, { recursive: true }));

  test("remembers what was pending and how the last one ended over a restart", async () => {
    const journal = await Journal.open(directory);
    await journal.begin(entry);
    expect((await Journal.open(directory)).pending).toEqual(entry);
    await expect(journal.begin(entry)).rejects.toBeInstanceOf(JournalError);
    await journal.settle({ outcome: "landed", block: 201, error: null });
    const reopened = await Journal.open(directory);
    expect(reopened.pending).toBeNull();
    expect(reopened.last).toEqual({ entry, outcome: "landed", block: 201, error: null });
  });

  test("ignores a write that was cut off, and refuses a damaged file rather than forget a submission", async () => {
    const journal = await Journal.open(directory);
    await journal.begin(entry);
    await writeFile(join(directory, "weights-journal.json.new"), '{"pending":');
    expect((await Journal.open(directory)).pending).toEqual(entry);
    const path = join(directory, "weights-journal.json");
    await writeFile(path, (await readFile(path, "utf8")).slice(0, 40));
    await expect(Journal.open(directory)).rejects.toBeInstanceOf(JournalError);
  });
});

describe("endpoints", () => {
  test("are used in turn; one that limits us rests for a minute", () => {
    let now = 0;
    const ring = new EndpointRing(["a", "b"], { ...systemClock, monotonic: () => now });
    expect(ring.current()).toBe("a");
    ring.failed("a", true);
    expect(ring.current()).toBe("b");
    ring.failed("b", false);
    expect(ring.current()).toBe("b");
    ring.failed("b", true);
    expect(() => ring.current()).toThrow(ChainUnreachableError);
    now = cool_down_ms;
    expect(ring.current()).toBe("a");
  });

  test("are names or URLs, and shown without what could be a key", () => {
    expect(resolveEndpoint("local")).toBe("ws://127.0.0.1:9944");
    expect(resolveEndpoint("ws://[::1]:1")).toBe("ws://[::1]:1");
    expect(() => resolveEndpoint("http://a")).toThrow("expected finney");
    expect(publicEndpoint("wss://user:pass@host:443/key?token=1")).toBe("wss://host");
  });
});
