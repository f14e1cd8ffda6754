import { type Static, Type } from "@sinclair/typebox";
import { hotkeyPath } from "#shared/chain/hotkey-file.ts";
import { quicknetPublicKey } from "#shared/chain/timelock.ts";
import { Secret } from "#shared/config/load-config.ts";
import { limits } from "#shared/schemas/limits.ts";

export const SubmitterConfig = Type.Object(
  {
    weights_url: Type.String({
      pattern: "^https?://",
      description: "where the platform serves its sealed vector, …/v1/weights/latest",
    }),
    chain_endpoints: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      maxItems: limits.chain.endpoints_max,
      default: [],
      description:
        "finney, test, archive, local or ws(s) URLs, tried in turn; else BT_SUBTENSOR_CHAIN_ENDPOINT, BT_SUBTENSOR_NETWORK, finney",
    }),
    netuid: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_095, description: "the subnet; else BT_NETUID" })),
    mechanism: Type.Integer({ default: 0, minimum: 0, maximum: 15, description: "the subnet's mechanism" }),
    hotkey_file: Type.Optional(
      Type.String({ description: "the hotkey's file; else it is found by the wallet's names" }),
    ),
    hotkey_password: Type.Optional(Secret(Type.String({ description: "opens an encrypted hotkey file" }))),
    wallet_path: Type.Optional(
      Type.String({ description: "folder of wallets; else BT_WALLET_PATH, ~/.bittensor/wallets" }),
    ),
    wallet_name: Type.Optional(Type.String({ description: "name of the wallet; else BT_WALLET_NAME, default" })),
    wallet_hotkey: Type.Optional(Type.String({ description: "name of the hotkey; else BT_WALLET_HOTKEY, default" })),
    version_key: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "version key sent with the weights; must not be below the subnet's",
    }),
    vector_public_key: Type.Optional(
      Type.String({
        pattern: "^[0-9a-f]{64}$",
        description: "the platform's vector key; without it any consistent seal is accepted",
      }),
    ),
    beacon_public_key: Type.String({
      default: quicknetPublicKey,
      pattern: "^[0-9a-f]{192}$",
      description: "key of the beacon that opens timelocked commits; Drand quicknet on every public network",
    }),
    interval_seconds: Type.Number({
      default: 12,
      minimum: 0.1,
      maximum: 3_600,
      description: "seconds between two reads of vector and chain",
    }),
    refresh_blocks: Type.Integer({
      default: 360,
      minimum: 1,
      maximum: 1_000_000,
      description: "blocks after which an unchanged vector is set again, so that the validator stays active",
    }),
    state_directory: Type.String({
      default: "/var/lib/platform/submitter",
      pattern: "^/",
      description: "folder of the journal",
    }),
    status_port: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 65_535,
      description: "loopback port for /status and /metrics; 0 is off",
    }),
  },
  { additionalProperties: false },
);
export type SubmitterConfig = Static<typeof SubmitterConfig>;

/** The settings, completed from Bittensor's own environment variables. */
export interface Target {
  readonly endpoints: readonly string[];
  readonly netuid: number;
  readonly hotkey_file: string;
}

/** Completes the settings from `BT_…` variables, as Bittensor's tools do. @throws Error that names a missing or wrong setting */
export function resolveTarget(config: SubmitterConfig, env: Readonly<Record<string, string | undefined>>): Target {
  const netuid = config.netuid ?? Number(env["BT_NETUID"] ?? Number.NaN);
  if (!Number.isInteger(netuid) || netuid < 1)
    throw new Error("PLATFORM_NETUID: expected the subnet's number (or BT_NETUID)");
  const endpoint = env["BT_SUBTENSOR_CHAIN_ENDPOINT"] ?? env["BT_SUBTENSOR_NETWORK"] ?? "finney";
  const path = config.wallet_path ?? env["BT_WALLET_PATH"];
  const wallet = {
    name: config.wallet_name ?? env["BT_WALLET_NAME"] ?? "default",
    hotkey: config.wallet_hotkey ?? env["BT_WALLET_HOTKEY"] ?? "default",
    ...(path === undefined ? {} : { path }),
  };
  return {
    endpoints: config.chain_endpoints.length > 0 ? config.chain_endpoints : [endpoint],
    netuid,
    hotkey_file: config.hotkey_file ?? hotkeyPath(wallet),
  };
}
