import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Hotkey } from "#shared/chain/hotkey.ts";
import { systemClock } from "#shared/time/clock.ts";
import type { SignedCall, WeightsCall } from "../../../roles/submitter/chain/sign-call.ts";
import type { Submitted } from "../../../roles/submitter/chain/weights-chain.ts";
import { waitFor } from "../../support/wait-for.ts";
import { buildWorld, hotkeyOf, rao_per_tao, type World } from "../world.ts";

setDefaultTimeout(60_000);

type SetCall = Extract<WeightsCall, { kind: "set" }>;

let world: World;
let older: World;
beforeAll(async () => {
  const parameters = { min_allowed_weights: 2, weights_version_key: 7, mechanism_count: 2 };
  [world, older] = await Promise.all([
    buildWorld({ parameters }),
    buildWorld({ parameters, env: { PLATFORM_POOL_CODES: "older" } }),
  ]);
});
afterAll(async () => await Promise.all([world.dispose(), older.dispose()]));

const goodCall: SetCall = { kind: "set", netuid: 1, mechanism: 0, uids: [1, 2], values: [1, 2], version_key: 7n };

/** Sends a call without any check of our own, as a client would that knows no better. */
async function send(
  on: World,
  call: Partial<SetCall> | WeightsCall,
  {
    hotkey = on.validator,
    nonce_offset = 0,
    bend = (signed: SignedCall) => signed,
  }: { hotkey?: Hotkey; nonce_offset?: number; bend?: (signed: SignedCall) => SignedCall } = {},
): Promise<Submitted> {
  const full = "kind" in call && call.kind === "commit" ? call : { ...goodCall, ...(call as Partial<SetCall>) };
  const { nonce } = await on.chain.readSubnet({ netuid: 1, mechanism: 0, hotkey: hotkey.address });
  const birth = await on.chain.head();
  const signed = await on.chain.sign(full, { hotkey, nonce: nonce + nonce_offset, birth, era_blocks: 16 });
  return await on.chain.submit(bend(signed), { clock: systemClock, deadline_ms: 10_000, included: () => undefined });
}

const refusedWith = (name: string) => ({ kind: "refused", refusal: { name } });
const failedWith = (name: string) => ({ kind: "finalized", in_block: { refusal: { name } } });

describe("the chain answers", () => {
  test.each([
    ["lists of different length", { uids: [1, 2], values: [1] }, "WeightVecNotEqualSize"],
    ["an old version key", { version_key: 6n }, "IncorrectWeightVersionKey"],
    ["a repeated uid", { uids: [1, 1], values: [1, 2] }, "DuplicateUids"],
    ["an unknown uid", { uids: [1, 9], values: [1, 2] }, "UidVecContainInvalidOne"],
    ["too few weights", { uids: [1], values: [1] }, "WeightVecLengthIsLow"],
    [
      "too many weights",
      { uids: [0, 1, 2, 3, 4, 5, 6], values: [1, 1, 1, 1, 1, 1, 1] },
      "UidsLengthExceedUidsInSubNet",
    ],
    ["an unknown mechanism", { mechanism: 2 }, "MechanismDoesNotExist"],
  ] satisfies [string, Partial<SetCall>, string][])("%s in the block", async (_what, call, name) => {
    expect(await send(world, call)).toMatchObject(failedWith(name));
  });

  test("a failure with the nonce used and nothing stored", async () => {
    const subject = { netuid: 1, mechanism: 0, hotkey: world.validator.address };
    const before = await world.chain.readSubnet(subject);
    await send(world, { version_key: 6n });
    const after = await world.chain.readSubnet(subject);
    expect(after.nonce).toBe(before.nonce + 1);
    expect(after.last_update).toBe(before.last_update);
  });

  test("weights without a permit with NeuronNoValidatorPermit, one's own weight excepted", async () => {
    const miner = await hotkeyOf("miner 0");
    expect(await send(world, {}, { hotkey: miner })).toMatchObject(failedWith("NeuronNoValidatorPermit"));
    expect(await send(world, { uids: [1], values: [5] }, { hotkey: miner })).toMatchObject({
      kind: "finalized",
      in_block: { refusal: null },
    });
    expect(await world.chain.readWeights(1, 1)).toEqual([[1, 65535]]);
  });

  test("a capped vector with MaxWeightExceeded while a cap is set", async () => {
    await parameters(world, { max_weights_limit: 40_000 });
    expect(await send(world, { uids: [1, 2], values: [1, 2] })).toMatchObject(failedWith("MaxWeightExceeded"));
    expect(await send(world, { uids: [1, 2], values: [1, 1] })).toMatchObject({ in_block: { refusal: null } });
    await parameters(world, { max_weights_limit: 65_535 });
  });

  test("plain weights under commit-reveal with CommitRevealEnabled, and commits without it with CommitRevealDisabled", async () => {
    const commit: WeightsCall = {
      kind: "commit",
      netuid: 1,
      mechanism: 0,
      commit: new Uint8Array(40),
      reveal_round: 1e12,
      commit_reveal_version: 4,
    };
    expect(await send(world, commit)).toMatchObject(failedWith("CommitRevealDisabled"));
    await parameters(world, { is_commit_reveal_enabled: true });
    expect(await send(world, {})).toMatchObject(failedWith("CommitRevealEnabled"));
    expect(await send(world, { ...commit, commit_reveal_version: 3 })).toMatchObject(
      failedWith("IncorrectCommitRevealVersion"),
    );
    expect(await send(world, { ...commit, reveal_round: 1 })).toMatchObject(refusedWith("InvalidRevealRound"));
    await parameters(world, { is_commit_reveal_enabled: false });
  });

  test("the weights of a second mechanism in its own storage", async () => {
    expect(await send(world, { mechanism: 1, uids: [3, 4], values: [1, 1] })).toMatchObject({
      in_block: { refusal: null },
    });
    expect(await world.chain.readWeights(4096 + 1, 0)).toEqual([
      [3, 65535],
      [4, 65535],
    ]);
  });
});

describe("the pool answers", () => {
  test("newer runtimes with a code of their own for each", async () => {
    const stranger = await hotkeyOf("stranger");
    const poor = await hotkeyOf("poor");
    await world.devchain.rpc("dev_registerNeuron", 1, { hotkey: poor.address, stake_rao: 10 * rao_per_tao });
    await waitFor(async () => (await world.chain.readMetagraph(1)).neurons.length === 7);
    expect(await send(world, {}, { hotkey: stranger })).toMatchObject(refusedWith("HotKeyNotRegisteredInSubNet"));
    expect(await send(world, {}, { hotkey: poor })).toMatchObject(refusedWith("NotEnoughStakeToSetWeights"));
    expect(await send(world, { netuid: 77 })).toMatchObject(refusedWith("SubnetNotExists"));
    await parameters(world, { weights_rate_limit_blocks: 1_000 });
    expect(await send(world, {})).toMatchObject(refusedWith("SettingWeightsTooFast"));
    await parameters(world, { weights_rate_limit_blocks: 0 });
  });

  test("older runtimes with code 1 for all of them, and the rate limit in the block", async () => {
    const stranger = await hotkeyOf("stranger");
    expect(await send(older, {}, { hotkey: stranger })).toMatchObject(refusedWith("NotEnoughStakeToSetWeights"));
    expect(await send(older, { netuid: 77 })).toMatchObject(refusedWith("NotEnoughStakeToSetWeights"));
    expect(await send(older, {})).toMatchObject({ in_block: { refusal: null } });
    await parameters(older, { weights_rate_limit_blocks: 1_000 });
    expect(await send(older, {})).toMatchObject(failedWith("SettingWeightsTooFast"));
  });

  test("a used nonce as outdated, a changed byte as a bad signature", async () => {
    await send(world, {});
    expect(await send(world, {}, { nonce_offset: -1 })).toMatchObject(refusedWith("Stale"));
    // The last byte of the version key: still a well-formed call, but not the one that was signed.
    const bend = (signed: SignedCall): SignedCall => ({
      ...signed,
      hex: `${signed.hex.slice(0, -2) as `0x${string}`}01`,
    });
    expect(await send(world, {}, { bend })).toMatchObject(refusedWith("BadProof"));
    const garbage = (signed: SignedCall): SignedCall => ({ ...signed, hex: "0x0102" });
    expect(await send(world, {}, { bend: garbage })).toMatchObject(refusedWith("InvalidFormat"));
  });

  test("an extrinsic that outlived its era with a refusal that allows another try", async () => {
    const { nonce } = await world.chain.readSubnet({ netuid: 1, mechanism: 0, hotkey: world.validator.address });
    const birth = await world.chain.head();
    const signed = await world.chain.sign(goodCall, { hotkey: world.validator, nonce, birth, era_blocks: 4 });
    await waitFor(async () => (await world.chain.head()).block > signed.era_end + 1);
    const end = await world.chain.submit(signed, { clock: systemClock, deadline_ms: 5_000, included: () => undefined });
    expect(end).toMatchObject({
      kind: "refused",
      refusal: { name: expect.stringMatching(/^(BadProof|AncientBirthBlock)$/), isPermanent: false },
    });
  });
});

/** Changes parameters and waits until they are in force. */
async function parameters(on: World, change: Readonly<Record<string, unknown>>): Promise<void> {
  const { block } = await on.chain.head();
  await on.devchain.rpc("dev_setParameters", 1, change);
  await waitFor(async () => (await on.chain.head()).block > block + 1);
}
