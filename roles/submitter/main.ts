import { readHotkeyFile } from "#shared/chain/hotkey-file.ts";
import { guarded } from "#shared/http/app.ts";
import { serve } from "#shared/http/serve.ts";
import { runRole } from "#shared/process/run-role.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createApp } from "./app.ts";
import { connectWeightsChain } from "./chain/weights-chain.ts";
import { resolveTarget, SubmitterConfig } from "./config.ts";
import { fetchVector } from "./fetch-vector.ts";
import { Journal } from "./journal.ts";
import { registerMetrics, type SubmitterStatus } from "./status.ts";
import { SubmitLoop } from "./submit-loop.ts";

await runRole({
  name: "submitter",
  summary: "fetches the platform's sealed weight vector, verifies it and sets it on chain",
  config: SubmitterConfig,
  check({ config }) {
    const target = resolveTarget(config, process.env);
    return [
      { name: "hotkey", run: async () => await readHotkeyFile(target.hotkey_file, password(config)) },
      {
        name: "chain",
        async run() {
          const chain = connectWeightsChain({ endpoints: target.endpoints });
          await chain.head().finally(() => chain.close());
        },
      },
      { name: "vector", run: async (signal) => await fetchVector(vectorSource(config, target.netuid), signal) },
    ];
  },
  async start({ config, log, metrics, signal }) {
    const target = resolveTarget(config, process.env);
    const { hotkey, warnings } = await readHotkeyFile(target.hotkey_file, password(config));
    for (const warning of warnings) log.warn(warning);
    const journal = await Journal.open(config.state_directory);
    const chain = connectWeightsChain({ endpoints: target.endpoints });
    const status: SubmitterStatus = {
      hotkey: hotkey.address,
      netuid: target.netuid,
      mechanism: config.mechanism,
      endpoint: "",
      activity: "starting",
      reason: null,
      vector_epoch: null,
      included_block_hash: null,
      finalized_block: null,
      is_revealed: null,
      alert: null,
    };
    const source = vectorSource(config, target.netuid);
    const loop = new SubmitLoop({
      chain,
      journal,
      clock: systemClock,
      log,
      hotkey,
      netuid: target.netuid,
      mechanism: config.mechanism,
      version_key: BigInt(config.version_key),
      beacon_public_key: config.beacon_public_key,
      interval_ms: config.interval_seconds * 1000,
      refresh_blocks: config.refresh_blocks,
      status,
      metrics: registerMetrics(metrics, status),
      fetchVector: () => fetchVector(source, signal),
    });
    const app = createApp({ status, metrics, log });
    const server =
      config.status_port === 0
        ? undefined
        : serve(guarded(app, log), { hostname: "127.0.0.1", port: config.status_port });
    const running = loop.run(signal);
    log.info({ hotkey: hotkey.address, netuid: target.netuid }, "setting weights");
    return {
      probes: [{ name: "chain", run: async () => await chain.head() }],
      async stop() {
        // Ends a running watch. The journal holds what was sent.
        await chain.close();
        await running;
        await server?.stop(0);
      },
    };
  },
});

function password({ hotkey_password }: SubmitterConfig): { readonly password?: string } {
  return hotkey_password === undefined ? {} : { password: hotkey_password };
}

function vectorSource(config: SubmitterConfig, netuid: number) {
  return { url: config.weights_url, netuid, public_key: config.vector_public_key, clock: systemClock, fetch };
}
