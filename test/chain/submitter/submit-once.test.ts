import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { settlePending } from "../../../roles/submitter/chain/submit-once.ts";
import { Journal } from "../../../roles/submitter/journal.ts";
import { waitFor } from "../../support/wait-for.ts";
import { buildWorld, type World } from "../world.ts";

setDefaultTimeout(60_000);

const vector = { uids: [2, 3, 4, 5], values: [10, 20, 30, 40] };
const storedWeights: [number, number][] = [
  [2, 16384],
  [3, 32768],
  [4, 49151],
  [5, 65535],
];

let world: World;
afterEach(async () => await world.dispose());

describe("a vector is set exactly once", () => {
  test("and stands on chain as the runtime upscales it", async () => {
    world = await buildWorld();
    const included: string[] = [];
    const result = await world.submit({ vector: vector, included: (hash) => included.push(hash) });
    expect(result).toMatchObject({ kind: "settled", settlement: { outcome: "landed", error: null } });
    expect(await world.chain.readWeights(1, 0)).toEqual(storedWeights);
    expect(included).toHaveLength(1);
    const { neurons } = await world.chain.readMetagraph(1);
    expect(result).toMatchObject({ settlement: { block: neurons[0]?.last_update } });
  });

  test("when the connection is cut right behind the submission", async () => {
    world = await buildWorld();
    await world.devchain.control("/faults", { disconnect_on_submission: 1 });
    expect(await world.submit({ vector: vector })).toEqual({ kind: "pending", reason: "disconnected" });
    expect(await world.submit({ vector: vector })).toMatchObject({ kind: "pending" });
    const settled = await waitFor(() => settlePending(world.chain, world.journal));
    expect(settled).toMatchObject({ outcome: "landed", error: null });
    expect(await world.chain.readWeights(1, 0)).toEqual(storedWeights);
    expect((await state()).nonce).toBe(1);
  });

  test("when the node loses it: dead after its era, then sent again", async () => {
    world = await buildWorld();
    await world.devchain.control("/faults", { drop_submissions: 1 });
    expect(await world.submit({ vector: vector })).toEqual({ kind: "pending", reason: "dropped" });
    expect(await settlePending(world.chain, world.journal)).toBeNull();
    const settled = await waitFor(() => settlePending(world.chain, world.journal));
    expect(settled).toMatchObject({ outcome: "dead" });
    expect((await state()).nonce).toBe(0);
    expect(await world.submit({ vector: vector })).toMatchObject({ settlement: { outcome: "landed" } });
    expect((await state()).nonce).toBe(1);
  });

  test("when its block is retracted and the extrinsic stands in another one", async () => {
    world = await buildWorld({ env: { PLATFORM_FINALITY_LAG_BLOCKS: "6" } });
    const retracting = Promise.withResolvers<unknown>();
    const blocks: string[] = [];
    const result = await world.submit({
      vector: vector,
      included(hash) {
        blocks.push(hash);
        if (blocks.length === 1) retracting.resolve(world.devchain.control("/fork", { depth: 3 }));
      },
    });
    await retracting.promise;
    expect(blocks.length).toBe(2);
    expect(result).toMatchObject({ settlement: { outcome: "landed" } });
    expect(await world.chain.readWeights(1, 0, await world.chain.finalizedHead())).toEqual(storedWeights);
    expect((await state()).nonce).toBe(1);
  });

  test("when its block is retracted and the extrinsic is forgotten", async () => {
    world = await buildWorld({ env: { PLATFORM_FINALITY_LAG_BLOCKS: "6" } });
    const retracting = Promise.withResolvers<unknown>();
    const result = await world.submit({
      vector: vector,
      included: () => retracting.resolve(world.devchain.control("/fork", { depth: 3, requeue: false })),
    });
    await retracting.promise;
    expect(result).toEqual({ kind: "pending", reason: "dropped" });
    expect(await waitFor(() => settlePending(world.chain, world.journal))).toMatchObject({ outcome: "dead" });
    expect(await world.chain.readWeights(1, 0)).toEqual([]);
  });

  test("when the submitter dies behind sending: its next run finds the vector on chain", async () => {
    world = await buildWorld();
    await world.devchain.control("/faults", { disconnect_on_submission: 1 });
    await world.submit({ vector: vector });
    world.journal = await Journal.open(world.journal_directory);
    expect(world.journal.pending).toMatchObject({ kind: "set", nonce: 0, uids: vector.uids });
    expect(await waitFor(() => settlePending(world.chain, world.journal))).toMatchObject({ outcome: "landed" });
    expect(world.journal.last).toMatchObject({ outcome: "landed" });
  });

  test("when the chain is killed behind its block and comes back", async () => {
    world = await buildWorld();
    expect(await world.submit({ vector: vector })).toMatchObject({ settlement: { outcome: "landed" } });
    const before = await world.chain.head();
    await world.devchain.kill();
    await expect(world.chain.head()).rejects.toThrow("no chain endpoint answered");
    await world.devchain.restart();
    const after = await waitFor(() => world.chain.head());
    expect(after.block).toBeGreaterThanOrEqual(before.block);
    expect(await world.devchain.rpc<string>("chain_getBlockHash", before.block)).toBe(before.block_hash);
    expect(await world.chain.readWeights(1, 0)).toEqual(storedWeights);
    expect((await state()).nonce).toBe(1);
  });

  test("but not before the window opens", async () => {
    world = await buildWorld({ parameters: { weights_rate_limit_blocks: 1_000 } });
    await world.submit({ vector: vector });
    const { last_update } = await state();
    expect(await world.submit({ vector: vector })).toEqual({ kind: "waiting", until_block: last_update + 1_000 });
    expect((await state()).nonce).toBe(1);
    expect(world.journal.pending).toBeNull();
  });

  test("while another endpoint is down or limits us", async () => {
    world = await buildWorld({ endpoints: (endpoint) => ["ws://127.0.0.1:1", endpoint] });
    expect(await world.submit({ vector: vector })).toMatchObject({ settlement: { outcome: "landed" } });
    expect(world.chain.endpoint).toBe(world.devchain.endpoint);
    await world.devchain.control("/faults", { rate_limit_calls: 1 });
    await expect(world.chain.head()).rejects.toThrow("no chain endpoint answered");
  });
});

const state = () => world.chain.readSubnet({ netuid: 1, mechanism: 0, hotkey: world.validator.address });
