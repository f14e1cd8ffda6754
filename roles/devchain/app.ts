import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitReady } from "@polkadot/wasm-crypto";
import { Value } from "@sinclair/typebox/value";
import type { Logger } from "#shared/observability/logger.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import type { DevchainConfig } from "./config.ts";
import { serveControl } from "./control.ts";
import { buildMetadata } from "./metadata/build.ts";
import { defaultGenesis, Genesis } from "./node/genesis.ts";
import { DevNode } from "./node/node.ts";
import { Store } from "./node/store.ts";
import { devMethods, rpcMethods } from "./rpc/methods.ts";
import { type RpcServer, serveRpc } from "./rpc/server.ts";

export interface Devchain {
  readonly node: DevNode;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the node: its chain, its servers and its block production. */
export async function startDevchain(
  config: DevchainConfig & { readonly run_directory: string },
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<Devchain> {
  await waitReady();
  const store = config.data_directory === undefined ? undefined : new Store(config.data_directory);
  const node = new DevNode({
    genesis: readGenesis(config),
    clock,
    finality_lag_blocks: config.finality_lag_blocks,
    pool_codes: config.pool_codes,
    beacon_seed: config.beacon_seed,
    ...(store === undefined ? {} : { store }),
  });
  const methods = rpcMethods(node, {
    metadata: buildMetadata(config.block_ms),
    version: buildInfo.version,
    afterSubmission() {
      if (node.faults.take("disconnect_on_submission")) disconnectAll();
    },
  });
  const common = { faults: node.faults, log };
  const socketOf = (name: string) => join(config.run_directory, "devchain", name);
  const rpc = serveRpc({ hostname: config.listen_host, port: config.listen_port }, { ...common, methods });
  const doors: readonly RpcServer[] = [
    rpc,
    serveRpc({ unix: socketOf("rpc.sock"), mode: 0o660 }, { ...common, methods }),
    // Only root and the chain's own user can open this one: its methods change the chain.
    serveRpc({ unix: socketOf("dev.sock"), mode: 0o600 }, { ...common, methods: devMethods(node) }),
  ];
  const disconnectAll = (): void => {
    for (const door of doors) door.disconnectAll();
  };
  const control =
    config.control_port === 0 ? undefined : serveControl(config.control_port, { node, disconnectAll, log });
  const stopping = new AbortController();
  const pace = keepPace(node, clock, config.block_ms, stopping.signal);
  return {
    node,
    port: rpc.port,
    async stop() {
      stopping.abort();
      await pace;
      await control?.stop(0);
      await Promise.all(doors.map((door) => door.stop()));
      store?.close();
    },
  };
}

/** Produces a block every `block_ms` until `signal` is aborted. A late block does not delay the next ones. */
async function keepPace(node: DevNode, clock: Clock, block_ms: number, signal: AbortSignal): Promise<void> {
  let due_ms = clock.monotonic() + block_ms;
  while (!signal.aborted) {
    await pause(clock, Math.max(0, due_ms - clock.monotonic()), signal);
    if (!signal.aborted && !node.faults.isPaused) node.produce();
    due_ms = Math.max(due_ms, clock.monotonic() - block_ms) + block_ms;
  }
}

/**
 * The configured genesis.
 *
 * @throws Error that names the file, the path in it and what was expected
 */
export function readGenesis(config: Pick<DevchainConfig, "genesis_file" | "netuid">): Genesis {
  if (config.genesis_file === undefined) return defaultGenesis(config.netuid);
  const genesis: unknown = JSON.parse(readFileSync(config.genesis_file, "utf8"));
  const [first] = Value.Errors(Genesis, genesis);
  if (first !== undefined) throw new Error(`${config.genesis_file}: ${first.path || "/"}: ${first.message}`);
  return genesis as Genesis;
}
