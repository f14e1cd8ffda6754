import { publicEndpoint, resolveEndpoint } from "#shared/chain/networks.ts";
import { connectDatabase, databaseProbe } from "#shared/database/database.ts";
import { Candidate } from "#shared/database/lead.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { runRole } from "#shared/process/run-role.ts";
import { systemClock } from "#shared/time/clock.ts";
import { vectorSigningKey } from "#shared/weights/seal.ts";
import { askChallenge } from "./ask-challenge.ts";
import { AggregatorConfig, requireFreshVectors } from "./config.ts";
import { runEpochs } from "./epoch-loop.ts";
import { refreshMetagraph } from "./metagraph-source.ts";
import { openChain } from "./open-chain.ts";
import { createOutcomes } from "./outcomes.ts";
import { sealEpoch } from "./seal-epoch.ts";
import { sealerSeat } from "./seat.ts";

await runRole({
  name: "aggregator",
  summary: "asks the challenges for their weights, epoch after epoch, and seals one vector of them.",
  config: AggregatorConfig,
  check({ config }) {
    const chain = openChain(config.chain_endpoints);
    const probes = [
      { name: "settings", run: async () => requireFreshVectors(config) },
      databaseProbe(connectDatabase(config.database_url, "aggregator")),
    ];
    return chain ? [...probes, { name: "chain", run: () => chain.readMetagraph(config.netuid) }] : probes;
  },
  async start({ config, log, metrics, signal }) {
    const { netuid, database_url, master_key } = config;
    requireFreshVectors(config);
    // One that hangs must not hold up a whole epoch.
    const answer_ms = Math.min(config.answer_ms, Math.max(1_000, config.epoch_seconds * 500));
    const sql = connectDatabase(database_url, "aggregator");
    await migrateWhenReachable(sql, (sentence) => log.info(sentence), signal);
    const chain = openChain(config.chain_endpoints);
    const [first] = config.chain_endpoints;
    const outcomes = createOutcomes(metrics, systemClock);
    const world = {
      sql,
      netuid,
      chain,
      clock: systemClock,
      chainEndpoint: first === undefined ? "" : publicEndpoint(resolveEndpoint(first)),
      signingKey: vectorSigningKey(master_key),
      ask: (challenge: Parameters<typeof askChallenge>[0]) =>
        askChallenge(challenge, { masterKey: master_key, fetch, answer_ms }),
      policy: config.share_policy,
      vector_ttl_ms: config.vector_ttl_seconds * 1_000,
      stale_epochs: config.stale_epochs,
      epochs_kept: config.epochs_kept,
      warn: (sentence: string, cause: unknown) => log.warn({ err: cause }, sentence),
    };
    const epochs = createEpochs(sql, netuid);
    const candidate = new Candidate({ database_url, seat: sealerSeat(netuid), clock: systemClock, log });
    const running = runEpochs(
      {
        clock: systemClock,
        log,
        epoch_ms: config.epoch_seconds * 1_000,
        candidate,
        lastSealedAt: async () => {
          const [last] = await epochs.list(1);
          return last ? last.computed_at.getTime() : null;
        },
        seal: (lead) => sealEpoch(world, lead),
        refresh: () => refreshMetagraph(world),
        refresh_ms: config.metagraph_seconds * 1_000,
        onOutcome: outcomes.record,
      },
      signal,
    );
    return {
      probes: [databaseProbe(sql), candidate.probe, ...outcomes.probes],
      async stop() {
        await running;
        await chain?.close();
        await sql.end({ timeout: 1 });
      },
    };
  },
});
