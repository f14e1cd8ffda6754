import { join } from "node:path";
import { Gauge } from "prom-client";
import { connectDatabase, databaseProbe } from "#shared/database/database.ts";
import { isConnectionError, migrate } from "#shared/database/migrate.ts";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import { type Engine, EngineError } from "#shared/engine/engine.ts";
import { runRole } from "#shared/process/run-role.ts";
import { systemClock } from "#shared/time/clock.ts";
import { untilReachable } from "#shared/time/until-reachable.ts";
import { Setbacks } from "./challenges/setbacks.ts";
import { SupervisorConfig } from "./config.ts";
import { forwardSocket } from "./host/forward-socket.ts";
import { forwardAdmin, forwardOps } from "./host/loopback.ts";
import { createNotifier } from "./host/sd-notify.ts";
import { supervise } from "./supervise.ts";

/** Without a successful round for this long, engine or database do not answer, and the supervisor is not ready. */
const round_ms_max = 60_000;

await runRole({
  name: "supervisor",
  summary: "keeps the Swarm equal to the registry of challenges, and opens the manager's loopback ports",
  config: SupervisorConfig,
  check({ config }) {
    return [
      { name: "database", run: () => withDatabase(config.database_url) },
      { name: "engine", run: () => connectEngine(config.docker_socket) },
    ];
  },
  async start({ config, log, metrics, signal, fail }) {
    const notify = createNotifier(process.env["NOTIFY_SOCKET"]);
    const admin = forwardAdmin(config.run_directory, config.admin_port);
    const ops = forwardOps(config.run_directory, config.ops_port, log);
    const chainSocket = join(config.run_directory, "devchain", "rpc.sock");
    const chain = config.chain_port === undefined ? null : await forwardSocket(chainSocket, config.chain_port);
    // Ready now: its ports serve. Engine and Postgres, which it waits for, may start after it.
    notify("READY=1");
    let told = "";
    const waiting = (sentence: string) => {
      if (sentence !== told) log.info(sentence);
      told = sentence;
      notify(`WATCHDOG=1\nSTATUS=${sentence}`);
    };
    const reaching = { clock: systemClock, say: waiting, signal };
    const engine = await untilReachable(
      "the engine",
      () => connectEngine(config.docker_socket),
      (error) => error instanceof EngineError && error.fault === "unavailable",
      reaching,
    );
    const sql = connectDatabase(config.database_url, "supervisor");
    await untilReachable("the database", () => migrate(sql), isConnectionError, reaching);
    const rounds = {
      last_success_ms: systemClock.monotonic(),
      missing_attachments: new Gauge({
        name: "platform_supervisor_missing_attachments",
        help: "Connections of roles to challenge networks that are not there yet.",
        registers: [metrics],
      }),
    };
    const running = supervise(
      {
        engine,
        sql,
        log,
        clock: systemClock,
        setbacks: new Setbacks(),
        secrets: { master_key: config.master_key, external_directory: config.external_secrets_directory },
        areOverlaysEncrypted: config.encrypted_overlays,
        reconcile_ms: config.reconcile_ms,
        rounds,
        onRound: () => notify("WATCHDOG=1\nSTATUS=reconciling"),
      },
      signal,
    ).catch((cause: unknown) => fail("supervising ended", cause));
    return {
      probes: [
        databaseProbe(sql),
        { name: "swarm", run: () => managerIsReady(engine) },
        {
          name: "reconciler",
          async run() {
            const age_ms = systemClock.monotonic() - rounds.last_success_ms;
            if (age_ms > round_ms_max)
              throw new Error(`no round succeeded for ${Math.round(age_ms / 1_000)} s: the log says what fails`);
          },
        },
      ],
      async stop() {
        notify("STOPPING=1");
        await running;
        await Promise.all([admin.stop(), ops.stop(), chain?.stop(), sql.end({ timeout: 5 })]);
      },
    };
  },
});

/** After the engine's start it takes a moment until the Swarm has a leader and this node is ready. */
async function managerIsReady(engine: Engine): Promise<void> {
  const { NodeID } = await engine.swarm();
  const node = (await engine.nodes()).find(({ ID }) => ID === NodeID);
  if (node?.Status.State !== "ready")
    throw new Error(`this manager is ${node?.Status.State ?? "no node of the Swarm"}`);
}

async function withDatabase(url: string): Promise<void> {
  const sql = connectDatabase(url, "supervisor", { connections_max: 1 });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
