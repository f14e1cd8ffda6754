import { type Static, Type } from "@sinclair/typebox";
import { ports } from "#shared/swarm/addresses.ts";

export const DevchainConfig = Type.Object({
  listen_host: Type.String({ default: "127.0.0.1", description: "address to listen on for JSON-RPC" }),
  listen_port: Type.Integer({
    default: ports.devchain,
    minimum: 0,
    maximum: 65_535,
    description: "port of JSON-RPC; 0 takes any",
  }),
  control_port: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: "loopback port of the fault control for tests; 0 is off",
  }),
  block_ms: Type.Integer({
    default: 12_000,
    minimum: 20,
    maximum: 600_000,
    description: "milliseconds from block to block",
  }),
  finality_lag_blocks: Type.Integer({
    default: 2,
    minimum: 0,
    maximum: 128,
    description: "how many blocks the finalized head is behind the best one",
  }),
  pool_codes: Type.Union([Type.Literal("older"), Type.Literal("newer")], {
    default: "newer",
    description: "error codes of the pool: those of newer runtimes, or of older ones, which know only code 1",
  }),
  netuid: Type.Integer({ default: 1, minimum: 1, maximum: 4_095, description: "the subnet of the default genesis" }),
  genesis_file: Type.Optional(
    Type.String({ description: "a JSON file with subnets and neurons; absent: the development accounts" }),
  ),
  data_directory: Type.Optional(
    Type.String({ description: "keeps the chain over restarts; absent: the chain ends with the process" }),
  ),
  beacon_seed: Type.String({
    default: "platform-devchain",
    description: "seed of the test beacon that opens timelocked commits",
  }),
});
export type DevchainConfig = Static<typeof DevchainConfig>;
