import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Gauge } from "prom-client";
import { guarded } from "#shared/http/app.ts";
import { serve } from "#shared/http/serve.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Probe } from "#shared/observability/ops.ts";
import type { Role, RoleContext } from "#shared/process/run-role.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createApp } from "../app.ts";
import { ChallengeConfig, databasePath } from "../config.ts";
import { type Broker, createBrokerClient } from "./broker/broker-client.ts";
import type { ChallengeContext, ChallengeDefinition } from "./define-challenge.ts";
import { Evaluator } from "./evaluator.ts";
import { openDatabase } from "./store/open-database.ts";
import { createSubmissions, type Submissions } from "./store/submissions.ts";

type RoleConfig = ChallengeConfig & Static<TObject>;

/** `definition` as a program, for `runRole`. */
export function challengeRole<S extends TObject>(definition: ChallengeDefinition<S>): Role<TObject> {
  return {
    name: "challenge",
    summary: "a challenge: takes submissions, has them evaluated as jobs, answers weights",
    config: Type.Object({ ...ChallengeConfig.properties, ...definition.settings.properties }),
    check: (context) => {
      const config = configOf(context);
      const database = async () => openDatabase(databasePath(config.database_url)).close();
      return probesOf(database, brokerOf(config, context.log));
    },
    start: (context) => start(definition, context, configOf(context)),
  };
}

/** Validated by `runRole` against the schema above. */
const configOf = ({ config }: RoleContext<Static<TObject>>) => config as unknown as RoleConfig;

async function start<S extends TObject>(
  definition: ChallengeDefinition<S>,
  { log, metrics }: RoleContext<Static<TObject>>,
  config: RoleConfig,
) {
  const database = openDatabase(databasePath(config.database_url));
  const submissions = createSubmissions(database, systemClock);
  const settings = config as Static<S>;
  const context: ChallengeContext<Static<S>> = { slug: config.challenge_slug, settings, submissions, log };
  const broker = brokerOf(config, log);
  const parts = broker && { definition, context, broker, clock: systemClock };
  const evaluator = parts && new Evaluator(parts, config.evaluations_max);
  const app = createApp({
    definition,
    context,
    shared_token: config.shared_token,
    onReceived: () => evaluator?.wake(),
  });
  const address = { hostname: config.listen_host, port: config.listen_port };
  const server = serve(guarded(app, log, { body_bytes_max: limits.challenge_sdk.submission_bytes_max }), address);
  countSubmissions(metrics, submissions);
  if (!evaluator) log.warn("no broker is configured: submissions are stored, not evaluated");
  evaluator?.wake();
  log.info({ url: server.url, slug: config.challenge_slug, version: definition.version }, "serving");
  return {
    probes: probesOf(async () => database.run("select 1"), broker),
    async stop() {
      await Promise.all([server.stop(), evaluator?.stop()]);
      database.close();
    },
  };
}

function brokerOf({ broker_url, broker_token, challenge_slug }: ChallengeConfig, log: Logger): Broker | undefined {
  if (broker_url === undefined || broker_token === undefined) return undefined;
  return createBrokerClient({ url: broker_url, token: broker_token, slug: challenge_slug, clock: systemClock, log });
}

function probesOf(database: () => Promise<unknown>, broker: Broker | undefined): Probe[] {
  const probes: Probe[] = [{ name: "database", run: database }];
  return broker ? [...probes, { name: "broker", run: (signal) => broker.health(signal) }] : probes;
}

function countSubmissions(metrics: RoleContext<Static<TObject>>["metrics"], submissions: Submissions): void {
  new Gauge({
    name: "challenge_submissions",
    help: "Submissions in the database, by state.",
    labelNames: ["state"],
    registers: [metrics],
    collect() {
      this.reset();
      for (const [state, count] of Object.entries(submissions.countByState())) this.set({ state }, count);
    },
  });
}
