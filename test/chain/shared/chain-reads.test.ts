import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ApiPromise } from "@polkadot/api";
import { ChainUnreachableError, SubnetNotFoundError } from "#shared/chain/chain.ts";
import { headOf, readMetagraphAt, readSubnetAt } from "#shared/chain/chain-reads.ts";
import { ChainConnection } from "#shared/chain/connection.ts";
import { connectChain } from "#shared/chain/metagraph.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type DevchainProcess, startDevchain } from "../devchain.ts";

setDefaultTimeout(60_000);

const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const ferdie = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL";

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
      { uid: 0, hotkey: alice, validator_permit: true, last_update: 0, stake: 10_000_000_000_000n },
      { uid: 1, hotkey: bob, validator_permit: true, last_update: 0, stake: 10_000_000_000_000n },
    ]);
    expect(metagraph.block_hash).toBe(await devchain.rpc<string>("chain_getBlockHash", metagraph.block));
    expect(await chain.readWeights(1, 0)).toEqual([]);
    await expect(chain.readMetagraph(9)).rejects.toBeInstanceOf(SubnetNotFoundError);
    await chain.close();
  });

  test("tells which chain it is by the hash of its first block", async () => {
    const chain = connectChain({ endpoints: [devchain.endpoint] });
    expect(await chain.genesis()).toBe(await devchain.rpc<string>("chain_getBlockHash", 0));
    await chain.close();
  });

  test("shows a neuron registered while the chain runs", async () => {
    const uid = await devchain.rpc<number>("dev_registerNeuron", 1, { hotkey: ferdie });
    const chain = connectChain({ endpoints: [devchain.endpoint] });
    const neuron = await waitFor(async () => (await chain.readMetagraph(1)).neurons[uid]);
    expect(neuron).toEqual({ uid: 2, hotkey: ferdie, validator_permit: false, last_update: 0, stake: 0n });
    await chain.close();
  });

  test("reads the same metagraph from storage where the runtime has no call for it", async () => {
    const connection = new ChainConnection({ endpoints: [devchain.endpoint] });
    await connection.read(async ({ api }) => {
      const at = await headOf(api);
      const withCall = await readMetagraphAt(api, 1, at);
      const withoutCall = await readMetagraphAt(withoutRuntimeCalls(api), 1, at);
      expect(withoutCall).toEqual({
        ...withCall,
        neurons: withCall.neurons.map((neuron) => ({ ...neuron, stake: null })),
      });
      await expect(readMetagraphAt(withoutRuntimeCalls(api), 9, at)).rejects.toBeInstanceOf(SubnetNotFoundError);
      const state = await readSubnetAt(withoutRuntimeCalls(api), { netuid: 1, mechanism: 0, hotkey: alice }, at);
      expect(state).toMatchObject({
        uid: 0,
        stake: null,
        validator_permit: true,
        epoch: { kind: "stateful", tempo: 20 },
      });
    });
    await connection.close();
  });

  test("fails clearly when nothing listens, and recovers when the chain is back", async () => {
    const own = await startDevchain();
    const chain = connectChain({ endpoints: [own.endpoint] });
    await chain.head();
    await own.kill();
    await expect(chain.readMetagraph(1)).rejects.toBeInstanceOf(ChainUnreachableError);
    await own.restart();
    await waitFor(() => chain.readMetagraph(1));
    await chain.close();
    await own.dispose();
  });
});

/** The library's view of a runtime older than the selective metagraph. */
function withoutRuntimeCalls(api: ApiPromise): ApiPromise {
  const hide = <T extends object>(target: T, name: string, value: unknown): T =>
    new Proxy(target, {
      get: (object, property) => (property === name ? value : Reflect.get(object, property, object)),
    });
  return hide(api, "at", async (hash: string) => hide(await api.at(hash), "call", {}));
}
