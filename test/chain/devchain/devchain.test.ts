import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { ApiPromise, WsProvider } from "@polkadot/api";
import type { ApiOptions } from "@polkadot/api/types";
import { waitFor } from "../../support/wait-for.ts";
import { type DevchainProcess, startDevchain } from "../devchain.ts";
import { buildWorld, hotkeyOf, rao_per_tao, type World } from "../world.ts";

setDefaultTimeout(60_000);

let world: World | undefined;
let devchain: DevchainProcess | undefined;
afterEach(async () => {
  await world?.dispose();
  await devchain?.dispose();
  world = undefined;
  devchain = undefined;
});

describe("the development chain", () => {
  test("killed after more blocks than it keeps comes back with hashes, weights, nonces and neurons", async () => {
    world = await buildWorld({ block_ms: 20_000 });
    const { chain } = world;
    const vector = { uids: [1, 2], values: [1, 3] };
    const submission = world.submit({ vector });
    await produceUntil(async () => (await chain.readWeights(1, 0)).length > 0);
    await world.devchain.control("/produce", { count: 3 });
    expect(await submission).toMatchObject({ settlement: { outcome: "landed" } });
    const late = await hotkeyOf("late");
    await world.devchain.rpc("dev_registerNeuron", 1, { hotkey: late.address, stake_rao: 7 * rao_per_tao });
    await world.devchain.control("/produce", { count: 1_200 });
    const last = await hotkeyOf("last");
    await world.devchain.rpc("dev_registerNeuron", 1, { hotkey: last.address });
    await world.devchain.control("/produce", { count: 2 });
    const before = await chain.head();
    await world.devchain.kill();
    const database = new Database(join(world.devchain.directory, "data", "chain.sqlite3"), { readonly: true });
    expect(database.query("SELECT count(*) AS kept FROM blocks").get()).toEqual({ kept: 512 });
    database.close();
    await world.devchain.restart();
    expect(await world.devchain.rpc<string>("chain_getBlockHash", before.block)).toBe(before.block_hash);
    await world.devchain.control("/produce", { count: 1 });
    await expect(chain.head()).resolves.toMatchObject({ block: before.block + 1 });
    expect(await chain.readWeights(1, 0)).toEqual([
      [1, 21845],
      [2, 65535],
    ]);
    const state = await chain.readSubnet({ netuid: 1, mechanism: 0, hotkey: world.validator.address });
    expect(state.nonce).toBe(1);
    const { neurons } = await chain.readMetagraph(1);
    expect(neurons[6]).toMatchObject({ uid: 6, hotkey: late.address, stake: 7n * BigInt(rao_per_tao) });
    expect(neurons[7]).toMatchObject({ uid: 7, hotkey: last.address });
    const old = {
      block: before.block - 400,
      block_hash: await world.devchain.rpc<string>("chain_getBlockHash", before.block - 400),
    };
    expect(await chain.readWeights(1, 0, old)).toHaveLength(2);
  });

  test("forks back to finality at most, and leaves the losing branch readable", async () => {
    devchain = await startDevchain({ block_ms: 20_000, env: { PLATFORM_FINALITY_LAG_BLOCKS: "5" } });
    await devchain.control("/produce", { count: 17 });
    const uid = await devchain.rpc<number>("dev_registerNeuron", 1, { hotkey: (await hotkeyOf("late")).address });
    await devchain.control("/produce", { count: 3 });
    const head = await devchain.rpc<string>("chain_getBlockHash");
    const finalized = await devchain.rpc<string>("chain_getFinalizedHead");
    await devchain.control("/fork", { depth: 100 });
    expect(await devchain.rpc<number>("dev_registerNeuron", 1, { hotkey: (await hotkeyOf("late")).address })).toBe(uid);
    const later = await hotkeyOf("later");
    expect(await devchain.rpc<number>("dev_registerNeuron", 1, { hotkey: later.address })).toBe(uid + 1);
    expect(await devchain.rpc<string>("chain_getBlockHash", 15)).toBe(finalized);
    expect(await devchain.rpc<string>("chain_getBlockHash", 20)).not.toBe(head);
    expect(await devchain.rpc<{ number: string }>("chain_getHeader", head)).toMatchObject({ number: "0x14" });
    expect(await devchain.rpc<{ number: string }>("chain_getHeader")).toMatchObject({ number: "0x15" });
  });

  test("speaks to the plain library: types, constants, runtime calls, subscriptions", async () => {
    devchain = await startDevchain({ block_ms: 100 });
    const api = await ApiPromise.create({
      provider: new WsProvider(devchain.endpoint) as unknown as NonNullable<ApiOptions["provider"]>,
      noInitWarn: true,
    });
    try {
      const next = await api.call["subnetInfoRuntimeApi"]?.["getNextEpochStartBlock"]?.(1);
      expect(Number(next?.toString()) % 20).toBe(0);
      expect(api.consts["timestamp"]?.["minimumPeriod"]?.toString()).toBe("50");
      expect(api.registry.chainSS58).toBe(42);
      const numbers = await new Promise<number[]>((resolve) => {
        const seen: number[] = [];
        void api.rpc.chain.subscribeFinalizedHeads((header) => {
          seen.push(header.number.toNumber());
          if (seen.length === 4) resolve(seen);
        });
      });
      expect(numbers).toEqual([0, 1, 2, 3].map((step) => (numbers[0] ?? 0) + step));
      const entries = await api.query["subtensorModule"]?.["keys"]?.entries(1);
      expect(entries?.map(([key]) => key.args.map(String)).toSorted()).toEqual([
        ["1", "0"],
        ["1", "1"],
      ]);
    } finally {
      await api.disconnect();
    }
  });
});

describe("the development chain's doors", () => {
  const call = async (url: string, method: string, unix?: string) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: [1, {}] });
    const response = await fetch(url, { method: "POST", body, keepalive: false, ...(unix ? { unix } : {}) });
    return (await response.json()) as { result?: { methods: string[] }; error?: { code: number } };
  };

  test("offer what changes the chain on no port, only on a socket that its owner and root can open", async () => {
    devchain = await startDevchain();
    const folder = join(devchain.directory, "run/devchain");
    const open = [
      [`http://127.0.0.1:${devchain.port}`, undefined],
      ["http://devchain", join(folder, "rpc.sock")],
    ] as const;
    for (const [url, unix] of open) {
      const { methods = [] } = (await call(url, "rpc_methods", unix)).result ?? {};
      expect(methods).toContain("author_submitExtrinsic");
      expect(methods.filter((name) => name.startsWith("dev_"))).toEqual([]);
      for (const method of ["dev_registerNeuron", "dev_setParameters", "dev_beaconPublicKey"]) {
        expect(await call(url, method, unix)).toMatchObject({ error: { code: -32601 } });
      }
    }
    const own = join(folder, "dev.sock");
    expect(statSync(own).mode & 0o777).toBe(0o600);
    expect((await call("http://devchain", "rpc_methods", own)).result?.methods).toEqual([
      "dev_beaconPublicKey",
      "dev_registerNeuron",
      "dev_setParameters",
      "rpc_methods",
    ]);
  });

  test("answer what is no call with 405 and how to call, as a problem document", async () => {
    devchain = await startDevchain();
    const response = await fetch(`http://127.0.0.1:${devchain.port}/`, { headers: { "x-request-id": "ask-1" } });
    expect(response.headers.get("allow")).toBe("POST");
    expect(await response.json()).toMatchObject({ status: 405, code: "method_not_allowed", instance: "ask-1" });
  });

  test("cut off a client that asks and does not read, before it costs memory", async () => {
    devchain = await startDevchain();
    const socket = connect(devchain.port, "127.0.0.1");
    let isCut = false;
    socket
      .on("error", () => undefined)
      .on("close", () => {
        isCut = true;
      });
    const key = Buffer.from("0123456789abcdef").toString("base64");
    socket.write(
      `GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    const question = frameOf('{"jsonrpc":"2.0","id":1,"method":"state_getMetadata","params":[]}');
    let asked = 0;
    const ask = () => {
      for (let count = 0; count < 20; count += 1) socket.write(question);
      asked += 20;
      return isCut;
    };
    await waitFor(ask, { deadline_ms: 20_000, what: "end of the connection" });
    expect(asked).toBeLessThan(2_000);
    expect(await devchain.rpc<string>("system_chain")).toBe("Platform devchain");
  });
});

/** A masked text frame of RFC 6455; the mask is all zero. */
function frameOf(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

describe("the development chain refuses", () => {
  let shared: DevchainProcess;
  beforeAll(async () => {
    shared = await startDevchain();
  });
  afterAll(async () => await shared.dispose());

  test.each([
    ["an unknown method", "chain_mine", [], -32601],
    ["a method that every object has", "constructor", [], -32601],
    ["a key that is none", "state_getStorage", [7], -32602],
    ["an unknown block", "state_getStorage", ["0x00", `0x${"11".repeat(32)}`], 4003],
    ["a runtime call that is none", "state_call", ["Core_nothing", "0x"], 4003],
    ["bytes that are no extrinsic", "author_submitExtrinsic", ["0x00"], 1001],
    ["a neuron without an address", "dev_registerNeuron", [1, { hotkey: "x" }], -32602],
    [
      "a neuron in an unknown subnet",
      "dev_registerNeuron",
      [9, { hotkey: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" }],
      -32602,
    ],
  ])("%s with its code", async (_what, method, params, code) => {
    await expect(shared.rpc(method, ...params)).rejects.toThrow(`"code":${code}`);
  });
});

/** Makes blocks until `isDone`: this chain makes none by itself. */
async function produceUntil(isDone: () => Promise<boolean>): Promise<void> {
  for (let count = 0; count < 200; count++) {
    if (await isDone()) return;
    await world?.devchain.control("/produce", { count: 1 });
    await Bun.sleep(20);
  }
  throw new Error("200 blocks were not enough");
}
