import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { decodeRevealPayload, decryptWithSignature, testBeacon } from "#shared/chain/timelock.ts";
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

describe("under commit-reveal", () => {
  test("the vector is committed unreadable, and stands on chain once its round is public", async () => {
    world = await buildWorld({ parameters: { is_commit_reveal_enabled: true, tempo: 40 } });
    const result = await world.submit({ vector: vector });
    expect(result).toMatchObject({ kind: "settled", settlement: { outcome: "landed", entry: { kind: "commit" } } });
    if (result.kind !== "settled" || result.settlement.entry.commit === undefined) throw new Error("no commit");
    const { commit } = result.settlement.entry;
    expect(await world.chain.readWeights(1, 0)).toEqual([]);

    const subject = { netuid: 1, mechanism: 0, hotkey: world.validator.address };
    const standing = await world.chain.readCommits(subject, commit.epoch, await world.chain.head());
    expect(standing).toEqual([
      { hotkey: world.validator.address, commit: commit.bytes, reveal_round: commit.reveal_round },
    ]);
    const ciphertext = Uint8Array.from(Buffer.from(commit.bytes.slice(2), "hex"));
    const opened = decodeRevealPayload(
      decryptWithSignature(ciphertext, testBeacon("platform-devchain").sign(commit.reveal_round)),
    );
    expect(opened).toMatchObject({ uids: vector.uids, values: vector.values, version_key: 0n });
    expect(Buffer.from(opened.hotkey_public_key)).toEqual(Buffer.from(world.validator.public_key));

    const weights = await waitFor(
      async () => {
        const stored = await world.chain.readWeights(1, 0);
        return stored.length > 0 ? stored : undefined;
      },
      { deadline_ms: 20_000 },
    );
    expect(weights).toEqual(storedWeights);
    expect(await world.chain.readCommits(subject, commit.epoch, await world.chain.head())).toEqual([]);
  });

  test("the vector of a second mechanism is committed and revealed in its own storage", async () => {
    world = await buildWorld({ parameters: { is_commit_reveal_enabled: true, tempo: 12, mechanism_count: 2 } });
    expect(await world.submit({ vector: vector, mechanism: 1 })).toMatchObject({ settlement: { outcome: "landed" } });
    const weights = await waitFor(
      async () => {
        const stored = await world.chain.readWeights(4096 + 1, 0);
        return stored.length > 0 ? stored : undefined;
      },
      { deadline_ms: 20_000 },
    );
    expect(weights).toEqual(storedWeights);
    expect(await world.chain.readWeights(1, 0)).toEqual([]);
  });

  test("a commit for another beacon is never revealed, and the chain says nothing", async () => {
    world = await buildWorld({ parameters: { is_commit_reveal_enabled: true, tempo: 12 } });
    const result = await world.submit({ vector: vector, beacon_public_key: testBeacon("another").public_key });
    expect(result).toMatchObject({ settlement: { outcome: "landed" } });
    if (result.kind !== "settled") throw new Error("not settled");
    const epoch = result.settlement.entry.commit?.epoch ?? 0;
    const subject = { netuid: 1, mechanism: 0, hotkey: world.validator.address };
    await waitFor(async () => (await world.chain.readCommits(subject, epoch, await world.chain.head())).length === 0, {
      deadline_ms: 20_000,
    });
    expect(await world.chain.readWeights(1, 0)).toEqual([]);
  });
});
