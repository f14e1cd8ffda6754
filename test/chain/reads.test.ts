import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SubnetNotFoundError } from "#shared/chain/chain.ts";
import { connectChain } from "#shared/chain/metagraph.ts";
import { waitFor } from "../support/wait-for.ts";
import { type DevchainProcess, startDevchain } from "./devchain.ts";

setDefaultTimeout(60_000);

const ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const FERDIE = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL";

let devchain: DevchainProcess;
beforeAll(async () => {
  devchain = await startDevchain();
});
afterAll(async () => await devchain.dispose());

describe("reading the chain", () => {
  test("shows the neurons of a subnet at one block", async () => {
    const chain = connectChain({ endpoints: [devchain.endpoint] });
    const metagraph = await chain.readMetagraph(1);
    expect(metagraph.neurons).toEqual([
      { uid: 0, hotkey: ALICE, validator_permit: true, last_update: 0, stake: 10_000_000_000_000n },
      { uid: 1, hotkey: BOB, validator_permit: true, last_update: 0, stake: 10_000_000_000_000n },
    ]);
    expect(metagraph.block_hash).toBe(await devchain.rpc<string>("chain_getBlockHash", metagraph.block));
    expect(await chain.readWeights(1, 0)).toEqual([]);
    await expect(chain.readMetagraph(9)).rejects.toBeInstanceOf(SubnetNotFoundError);
    await chain.close();
  });

  test("shows a neuron registered while the chain runs", async () => {
    const uid = await devchain.rpc<number>("dev_registerNeuron", 1, { hotkey: FERDIE });
    const chain = connectChain({ endpoints: [devchain.endpoint] });
    const neuron = await waitFor(async () => (await chain.readMetagraph(1)).neurons[uid]);
    expect(neuron).toEqual({ uid: 2, hotkey: FERDIE, validator_permit: false, last_update: 0, stake: 0n });
    await chain.close();
  });
});
