import { join } from "node:path";
import { connectDatabase, databaseProbe } from "#shared/database/database.ts";
import { Candidate } from "#shared/database/lead.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { guarded } from "#shared/http/app.ts";
import { type Server, serve } from "#shared/http/serve.ts";
import { runRole } from "#shared/process/run-role.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { Wake } from "#shared/time/wake.ts";
import { createImageIds } from "./admission/image-ids.ts";
import { policiesOf, recentPolicies } from "./admission/policies.ts";
import { Tally } from "./admission/quota.ts";
import { registryAuths } from "./admission/registry-auth.ts";
import { Changes } from "./api/changes.ts";
import { declaredMethods } from "./api/declared-methods.ts";
import { FairShares } from "./api/fair-shares.ts";
import { createApp } from "./api/jobs-app.ts";
import { openFolderBlobStore } from "./blobs/folder-blob-store.ts";
import { BrokerConfig } from "./config.ts";
import { type DispatchingState, dispatchForever } from "./leader/loop.ts";
import { dispatcherSeat } from "./leader/seat.ts";
import { openLogFiles } from "./logs/log-files.ts";
import { createJobStore } from "./store/job-store.ts";
import { retire } from "./store/retention.ts";
import { featuresOf } from "./swarm/engine-features.ts";
import { createTransferApp } from "./transfers/app.ts";
import { closedTo, findStagerNetwork, ownAddresses } from "./transfers/network.ts";
import { createTransferTokens } from "./transfers/tokens.ts";

/** A leader that has finished no tick for this long is not ready. */
const tick_age_ms_max = 60_000;

await runRole({
  name: "broker",
  summary: "runs evaluation jobs on the Swarm's workers for challenges",
  config: BrokerConfig,
  check({ config }) {
    return [
      { name: "database", run: () => withDatabase(config.database_url) },
      { name: "engine", run: () => connectEngine(config.docker_socket) },
      { name: "blobs", run: () => openBlobs(config) },
    ];
  },
  async start({ config, log, signal, fail }) {
    const sql = connectDatabase(config.database_url, "broker");
    await migrateWhenReachable(sql, (sentence) => log.info(sentence), signal);
    const engine = await connectEngine(config.docker_socket);
    const features = featuresOf((await engine.version()).ApiVersion);
    const [blobs, logs] = [await openBlobs(config), await openLogFiles(join(config.blob_directory, "logs"))];
    const [changes, wake] = [new Changes(systemClock), new Wake()];
    const [store, challenges] = [createJobStore(sql), createChallenges(sql)];
    const policies = policiesOf(challenges);
    const tokens = createTransferTokens(config.master_key);
    const registryAuthOf = registryAuths(sql, config.master_key);
    const state = { isLeading: false, last_tick_ms: systemClock.monotonic() };
    const callbacks = { changed: (id: string) => changes.changed(id), wake: () => wake.now() };
    const shared = { clock: systemClock, log, blobs, logs, ...callbacks };

    const app = createApp({
      ...shared,
      store,
      engine,
      challenges,
      policies: recentPolicies(policies, systemClock),
      changes,
      held_bytes: new FairShares(limits.jobs.held_bytes_max),
      readers: new FairShares(limits.jobs.readers_max),
      master_key: config.master_key,
      images: createImageIds(engine, systemClock, registryAuthOf),
      blob_bytes: new Tally(store.blobBytes, systemClock),
      queued: new Tally(store.queued, systemClock),
      features,
      settings: config,
      stopping: signal,
    });
    const transfers = createTransferApp({ ...shared, store, tokens });
    const servers = await listen(config, engine, {
      jobApi: guarded(declaredMethods(app), log),
      transfers: guarded(declaredMethods(transfers), log),
    });

    const { database_url } = config;
    const candidate = new Candidate({ database_url, seat: dispatcherSeat, clock: systemClock, log });
    const dispatching = dispatchForever(
      {
        sql,
        candidate,
        state,
        wake,
        async retire(fencing) {
          const { finished_job_ms } = config;
          log.debug(await retire({ sql, blobs, logs, now_ms: systemClock.now(), fencing, finished_job_ms }), "retired");
        },
        world: { ...shared, engine, tokens, registryAuthOf, settings: config, features, policies },
      },
      signal,
    ).catch((cause: unknown) => fail("dispatching ended", cause));
    return {
      probes: [
        databaseProbe(sql),
        { name: "engine", run: () => engine.version() },
        candidate.probe,
        { name: "dispatcher", run: async () => checkTicks(state) },
      ],
      async stop() {
        await Promise.all([...servers.map((server) => server.stop(1_000)), dispatching]);
        await sql.end({ timeout: 5 });
      },
    };
  },
});

interface Routes {
  readonly jobApi: (request: Request) => Promise<Response>;
  readonly transfers: (request: Request) => Promise<Response>;
}

/** Serves the job API on all networks but the stagers', and the transfer routes only there, when that network is set. */
async function listen(config: BrokerConfig, engine: Engine, { jobApi, transfers }: Routes): Promise<Server[]> {
  const { transfer_network, listen_host: hostname, job_port, transfer_port } = config;
  const stagers = transfer_network ? await findStagerNetwork(engine, transfer_network, ownAddresses()) : null;
  const forChallenges = stagers ? closedTo(stagers, jobApi) : jobApi;
  return [
    serve(forChallenges, { hostname, port: job_port }),
    serve(transfers, { hostname: stagers?.address ?? hostname, port: transfer_port }),
  ];
}

function checkTicks({ isLeading, last_tick_ms }: DispatchingState): void {
  if (isLeading && systemClock.monotonic() - last_tick_ms > tick_age_ms_max)
    throw new Error(`the dispatcher has finished no tick for ${tick_age_ms_max / 1_000} s`);
}

function openBlobs({ blob_directory, free_bytes_min }: BrokerConfig) {
  return openFolderBlobStore({ directory: blob_directory, free_bytes_min, clock: systemClock });
}

async function withDatabase(url: string): Promise<void> {
  const sql = connectDatabase(url, "broker", { connections_max: 1 });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
