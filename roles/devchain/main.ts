import { Gauge } from "prom-client";
import { runRole } from "#shared/process/run-role.ts";
import { systemClock } from "#shared/time/clock.ts";
import { readGenesis, startDevchain } from "./app.ts";
import { DevchainConfig } from "./config.ts";

await runRole({
  name: "devchain",
  summary: "a small chain for development that speaks and behaves like Subtensor where weights are concerned",
  config: DevchainConfig,
  check: ({ config }) => [{ name: "genesis", run: async () => readGenesis(config) }],
  async start({ config, log, metrics }) {
    const devchain = await startDevchain(config, { clock: systemClock, log });
    const { ledger } = devchain.node;
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers: [metrics],
        collect() {
          this.set(read());
        },
      });
    gauge("devchain_best_block", "Number of the best block.", () => ledger.head.number);
    gauge("devchain_finalized_block", "Number of the last finalized block.", () => ledger.finalized.number);
    log.info({ port: devchain.port, genesis_hash: ledger.genesis_hash, head: ledger.head.number }, "serving JSON-RPC");
    return { stop: () => devchain.stop() };
  },
});
