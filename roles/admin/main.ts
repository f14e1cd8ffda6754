import { join } from "node:path";
import { connectDatabase, databaseProbe } from "#shared/database/database.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import { guarded } from "#shared/http/app.ts";
import { serve } from "#shared/http/serve.ts";
import { runRole } from "#shared/process/run-role.ts";
import { systemClock } from "#shared/time/clock.ts";
import { publicKeyOf, vectorSigningKey } from "#shared/weights/seal.ts";
import { createAdminApp, createPublicApp } from "./app.ts";
import { keepProbing } from "./challenges/readiness.ts";
import { AdminConfig } from "./config.ts";
import { dashboardPages } from "./pages/dashboard-page.ts";
import { docsPages } from "./pages/docs-page.ts";

await runRole({
  name: "admin",
  summary: "the admin API with its documents and dashboard, the public reads, and the readiness of challenges.",
  config: AdminConfig,
  check: ({ config }) => [databaseProbe(connectDatabase(config.database_url, "admin"))],
  async start({ config, log, signal }) {
    const sql = connectDatabase(config.database_url, "admin");
    await migrateWhenReachable(sql, (sentence) => log.info(sentence), signal);
    const world = {
      sql,
      log,
      clock: systemClock,
      netuid: config.netuid,
      masterKey: config.master_key,
      vectorPublicKey: publicKeyOf(vectorSigningKey(config.master_key)),
      pages: [...docsPages(), ...(await dashboardPages())],
    };
    const socket = (folder: string, name: string) => ({ unix: join(config.run_directory, folder, name) });
    const admin = serve(guarded(createAdminApp(world), log), socket("admin", "admin.sock"));
    const everyone = serve(guarded(createPublicApp(world), log), socket("public", "public.sock"));
    const { netuid, probe_interval_ms } = config;
    const probing = keepProbing(
      { sql, netuid, log, fetch, clock: systemClock, interval_ms: probe_interval_ms },
      signal,
    );
    return {
      probes: [databaseProbe(sql)],
      async stop() {
        await Promise.all([admin.stop(), everyone.stop(), probing]);
        await sql.end({ timeout: 1 });
      },
    };
  },
});
