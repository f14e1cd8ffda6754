import { join } from "node:path";
import type { Static } from "@sinclair/typebox";
import { connectDatabase, databaseProbe } from "#shared/database/database.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { runRole } from "#shared/process/run-role.ts";
import { internalBaseUrl } from "#shared/schemas/challenge.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createApp } from "./app.ts";
import { ByteBudget } from "./bounds/byte-budget.ts";
import { InFlight } from "./bounds/in-flight.ts";
import { ProxyConfig } from "./config.ts";
import { Directory } from "./directory.ts";
import { followCertificate, readCertificate } from "./http/certificate.ts";
import { TrustedProxies } from "./http/client-address.ts";
import { openDoor } from "./http/door.ts";
import { registerMetrics, registerUse } from "./metrics.ts";
import { createNonces } from "./upload/nonces.ts";
import { RateLimit } from "./upload/rate-limit.ts";
import { createRegistrations } from "./upload/registrations.ts";
import { applyRetention } from "./upload/retention.ts";
import { createSubmissionsSeen } from "./upload/submissions-seen.ts";
import { Connections } from "./upstream/connections.ts";

await runRole({
  name: "proxy",
  summary: "the public door: signed uploads, and passthrough to the challenges",
  config: ProxyConfig,
  check({ config }) {
    return [
      databaseProbe(connectDatabase(config.database_url, "proxy")),
      { name: "memory", run: async () => memoryOf(config) },
      { name: "trusted proxies", run: async () => new TrustedProxies(config.trusted_proxies) },
      {
        name: "certificate",
        async run() {
          const files = tlsFiles(config);
          return files && (await readCertificate(files.certificate, files.key));
        },
      },
    ];
  },
  async start({ config, log, metrics, signal }) {
    const files = tlsFiles(config);
    const tls = files && (await readCertificate(files.certificate, files.key));
    const trusted = new TrustedProxies(config.trusted_proxies);
    const sql = connectDatabase(config.database_url, "proxy");
    await migrateWhenReachable(sql, (sentence) => log.info(sentence), signal);
    const nonces = createNonces(sql);
    const seen = createSubmissionsSeen(sql);
    const connections = new Connections(systemClock);
    const inFlight = new InFlight(config);
    const memory = memoryOf(config);
    registerUse(metrics, { inFlight, memory });
    const app = createApp({
      netuid: config.netuid,
      masterKey: config.master_key,
      submission_bytes_max: config.submission_bytes_max,
      metagraph_age_ms_max: config.metagraph_max_age_ms,
      allowlist: new Set(config.hotkey_allowlist),
      publicSocket: config.public_socket ?? join(config.run_directory, "public/public.sock"),
      directory: new Directory(createChallenges(sql), systemClock),
      registrations: createRegistrations(sql, config.netuid),
      perHotkey: new RateLimit(config.uploads_per_minute_per_hotkey, systemClock),
      perAddress: new RateLimit(config.uploads_per_minute_per_address, systemClock),
      metrics: registerMetrics(metrics),
      clock: systemClock,
      resolve: internalBaseUrl,
      trusted,
      nonces,
      seen,
      connections,
      inFlight,
      memory,
      log,
    });
    const { listen_host: hostname, listen_port: port, connections_max, connections_per_address_max } = config;
    const bounds = { connections_max, connections_per_address_max, trusted, memory, clock: systemClock };
    const door = await openDoor(app, { hostname, port, ...bounds, tls });
    log.info({ hostname, port: door.port, is_tls: tls !== undefined }, "listening");
    const use = door.replaceCertificate;
    const background = [
      applyRetention([nonces, seen], { clock: systemClock, log }, signal),
      ...(files && tls ? [followCertificate(files, { clock: systemClock, log, use }, tls, signal)] : []),
    ];
    return {
      probes: [databaseProbe(sql)],
      async stop() {
        await door.stop(config.shutdown_ms / 2);
        connections.close();
        await Promise.all(background);
        await sql.end({ timeout: 1 });
      },
    };
  },
});

function memoryOf({
  held_bytes_max,
  held_bytes_per_address_max: share,
  submission_bytes_max,
}: Static<typeof ProxyConfig>) {
  if (submission_bytes_max > share || share > held_bytes_max) {
    throw new Error(
      "expected PLATFORM_SUBMISSION_BYTES_MAX <= PLATFORM_HELD_BYTES_PER_ADDRESS_MAX <= PLATFORM_HELD_BYTES_MAX, or no upload of that size is ever taken",
    );
  }
  return new ByteBudget(held_bytes_max, share);
}

function tlsFiles({ tls_certificate: certificate, tls_key: key }: { tls_certificate?: string; tls_key?: string }) {
  if ((certificate === undefined) !== (key === undefined)) {
    throw new Error("PLATFORM_TLS_CERTIFICATE and PLATFORM_TLS_KEY: expected both or neither");
  }
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}
