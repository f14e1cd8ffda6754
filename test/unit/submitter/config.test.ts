import { describe, expect, test } from "bun:test";
import { homedir } from "node:os";
import { loadConfig } from "#shared/config/load-config.ts";
import { resolveTarget, SubmitterConfig } from "../../../roles/submitter/config.ts";

const config = (env: Readonly<Record<string, string>> = {}) =>
  loadConfig(SubmitterConfig, { env: { PLATFORM_WEIGHTS_URL: "http://127.0.0.1/v1/weights/latest", ...env } });

describe("the submitter's target", () => {
  test("comes from Bittensor's environment where it is not set", () => {
    const env = {
      BT_NETUID: "7",
      BT_WALLET_NAME: "w",
      BT_WALLET_HOTKEY: "h",
      BT_WALLET_PATH: "/wallets",
      BT_SUBTENSOR_NETWORK: "test",
    };
    expect(resolveTarget(config(), env)).toEqual({
      endpoints: ["test"],
      netuid: 7,
      hotkey_file: "/wallets/w/hotkeys/h",
    });
  });

  test("comes from the settings where they are set", () => {
    const set = config({ PLATFORM_NETUID: "3", PLATFORM_CHAIN_ENDPOINTS: "ws://a,ws://b", PLATFORM_HOTKEY_FILE: "/k" });
    const env = { BT_NETUID: "7", BT_SUBTENSOR_CHAIN_ENDPOINT: "ws://c", BT_WALLET_NAME: "w" };
    expect(resolveTarget(set, env)).toEqual({ endpoints: ["ws://a", "ws://b"], netuid: 3, hotkey_file: "/k" });
  });

  test("is main net and the default wallet otherwise, and never an unknown subnet", () => {
    expect(resolveTarget(config({ PLATFORM_NETUID: "3" }), {})).toEqual({
      endpoints: ["finney"],
      netuid: 3,
      hotkey_file: `${homedir()}/.bittensor/wallets/default/hotkeys/default`,
    });
    expect(() => resolveTarget(config(), {})).toThrow("PLATFORM_NETUID");
    expect(() => resolveTarget(config(), { BT_NETUID: "x" })).toThrow("PLATFORM_NETUID");
  });
});
