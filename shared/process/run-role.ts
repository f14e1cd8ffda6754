import { parseArgs } from "node:util";
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Registry } from "prom-client";
import { BaseConfig, ConfigError, describeSettings, loadConfig, redactedConfig } from "../config/load-config.ts";
import { createLogger, type Logger } from "../observability/logger.ts";
import { type OpsState, type Probe, runProbes, serveOps } from "../observability/ops.ts";
import { limits } from "../schemas/limits.ts";
import { buildInfo } from "./build-info.ts";

export interface RoleContext<C> {
  readonly config: C & Static<typeof BaseConfig>;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Ends the process as failed, because the role cannot work without what failed. Docker or systemd restarts it. */
  fail(reason: string, cause?: unknown): void;
}

export interface RunningRole {
  /** The conditions of readiness, which `/readyz` checks. */
  readonly probes?: readonly Probe[];
  /** Stops accepting, finishes what is in flight, releases what is held. */
  stop(): Promise<void>;
}

export interface Role<S extends TObject> {
  readonly name: string;
  /** One sentence for --help. */
  readonly summary: string;
  readonly config: S;
  /** Dependencies that --check reaches. */
  check(context: RoleContext<Static<S>>): readonly Probe[];
  start(context: RoleContext<Static<S>>): Promise<RunningRole>;
}

const flags = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
  check: { type: "boolean" },
  "print-config": { type: "boolean" },
  config: { type: "string" },
} as const;

/**
 * Runs a long-lived role as a process: flags, configuration, logger, ops routes on `<run_directory>/<name>/ops.sock`,
 * SIGTERM and SIGINT with a bounded shutdown. Exit codes: 0 done, 1 failed, 2 usage or configuration.
 */
export async function runRole<S extends TObject>(role: Role<S>): Promise<void> {
  const schema = Type.Object({ ...BaseConfig.properties, ...role.config.properties }, { additionalProperties: false });
  const values = parseFlags(role.name);
  if (values.help) return finish(0, help(role, schema));
  if (values.version) return finish(0, `platform-${role.name} ${buildInfo.version} (${buildInfo.commit})`);

  const config = readConfig(schema, values.config);
  if (values["print-config"]) return finish(0, JSON.stringify(redactedConfig(schema, config), null, 2));

  const stopping = new AbortController();
  const log = createLogger(role.name, String(config["log_level"]));
  const context = {
    config: config as RoleContext<Static<S>>["config"],
    log,
    metrics: new Registry(),
    signal: stopping.signal,
    fail(reason: string, cause?: unknown) {
      log.fatal({ err: cause }, reason);
      process.exit(1);
    },
  };
  if (values.check) return await checkAndExit(role.check(context));
  await live(role, context, stopping);
}

async function live<S extends TObject>(
  role: Role<S>,
  context: RoleContext<Static<S>>,
  stopping: AbortController,
): Promise<void> {
  const { log, config } = context;
  const state: OpsState = { starting: true, probes: [] };
  const ops = serveOps({ role: role.name, directory: config.run_directory, metrics: context.metrics, state, log });
  let running: RunningRole | undefined;
  const stop = async (signal: string) => {
    if (stopping.signal.aborted) return;
    log.info({ signal }, "stopping");
    state.starting = true;
    stopping.abort(new Error("the process is stopping"));
    // The time of the process itself, whatever clock its parts use.
    setTimeout(() => context.fail("shutdown took too long"), config.shutdown_ms).unref();
    try {
      await running?.stop();
      await ops.stop(0);
    } catch (cause) {
      context.fail("shutdown failed", cause);
    }
    log.info("stopped");
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  process.on("unhandledRejection", (cause) => context.fail("unhandled rejection", cause));
  process.on("uncaughtException", (cause) => {
    if (!isLeakedFile(cause)) return context.fail("uncaught exception", cause);
    // This is a fault of ours. But the file is closed now and nothing waits for it, so the requests of others go on.
    log.error({ err: cause }, "a file was never closed; the garbage collector closed it");
  });
  try {
    running = await role.start(context);
  } catch (cause) {
    if (stopping.signal.aborted) return;
    context.fail("could not start", cause);
    return;
  }
  state.probes = running.probes ?? [];
  state.starting = stopping.signal.aborted;
  log.info({ version: buildInfo.version, commit: buildInfo.commit }, "started");
}

/** Whether the error is the one that Bun throws outside of any call when it collects an open `FileHandle`. */
function isLeakedFile(cause: Error): boolean {
  return (
    (cause as NodeJS.ErrnoException).code === "ERR_INVALID_STATE" && cause.message.startsWith("A FileHandle object")
  );
}

function parseFlags(name: string) {
  try {
    return parseArgs({ options: flags, allowPositionals: false }).values;
  } catch (error) {
    return finish(2, `platform-${name}: ${(error as Error).message}\nTry --help.`);
  }
}

function readConfig<S extends TObject>(schema: S, file: string | undefined): Static<S> & Record<string, unknown> {
  try {
    return loadConfig(schema, { env: process.env, file }) as Static<S> & Record<string, unknown>;
  } catch (error) {
    if (error instanceof ConfigError) return finish(2, error.problems.join("\n"));
    throw error;
  }
}

async function checkAndExit(probes: readonly Probe[]): Promise<never> {
  const results = await runProbes(probes, limits.process.probe_ms_max);
  const lines = ["configuration: ok", ...results.map(({ name, ok, reason }) => `${name}: ${ok ? "ok" : reason}`)];
  return finish(results.every(({ ok }) => ok) ? 0 : 1, lines.join("\n"));
}

function help(role: { name: string; summary: string }, schema: TObject): string {
  return [
    `platform-${role.name}: ${role.summary}`,
    "",
    "Options:",
    "  -h, --help        this text",
    "  --version         version and commit",
    "  --check           validate the configuration and reach the dependencies; the exit code says whether all is well",
    "  --print-config    the configuration in force, secrets redacted",
    "  --config FILE     a TOML file with settings (lower case, without PLATFORM_)",
    "",
    "Settings (environment; each also as …_FILE, which names a file that holds the value):",
    ...describeSettings(schema),
  ].join("\n");
}

function finish(code: number, text: string): never {
  (code === 2 ? process.stderr : process.stdout).write(`${text}\n`);
  process.exit(code);
}
