import type { Static, TObject } from "@sinclair/typebox";
import { loadConfig } from "#shared/config/load-config.ts";
import { type InspectResult, type StagerTask, stagerExit } from "#shared/schemas/stager.ts";
import { systemClock } from "#shared/time/clock.ts";
import type { CollectResult } from "./collect-outputs.ts";
import { CollectConfig, FetchConfig, InspectConfig, JanitorConfig } from "./config.ts";
import type { JanitorResult } from "./janitor.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Result = { readonly kind: string };

/** A subcommand with its configuration, ready to run once, within `deadline_ms`. */
export interface Prepared {
  readonly deadline_ms: number;
  run(signal: AbortSignal): Promise<{ readonly result: Result; readonly exit_code: number }>;
}

export interface Command {
  readonly summary: string;
  readonly config: TObject;
  /** Reads the configuration. @throws ConfigError when a setting is wrong */
  prepare(env: Env): Prepared;
}

function command<S extends TObject, R extends Result>(
  summary: string,
  schema: S,
  run: (config: Static<S>, signal: AbortSignal) => Promise<R>,
  exitCodeOf: (result: R) => number = () => stagerExit.done,
): Command {
  return {
    summary,
    config: schema,
    prepare(env) {
      const config = loadConfig(schema, { env });
      return {
        deadline_ms: (config as { deadline_ms: number }).deadline_ms,
        async run(signal) {
          const result = await run(config, signal);
          return { result, exit_code: exitCodeOf(result) };
        },
      };
    },
  };
}

const over = (signal: AbortSignal) => ({
  signal,
  clock: systemClock,
  fetch: (url: string, init: RequestInit) => fetch(url, init),
});

// Each command loads its code when it runs. Stagers start twice a job, and only janitor and inspect need dockerode.
export const commands: Readonly<Record<StagerTask, Command>> = {
  fetch: command("fills a job's volumes with their input archives", FetchConfig, async (config, signal) => {
    const { fetchInputs } = await import("./fetch-inputs.ts");
    return fetchInputs(config, over(signal));
  }),
  collect: command(
    "sends what a job left in its volumes to the broker",
    CollectConfig,
    async (config, signal) => {
      const { collectOutputs } = await import("./collect-outputs.ts");
      return collectOutputs(config, over(signal));
    },
    ({ is_disk_low }: CollectResult) => (is_disk_low ? stagerExit.done_disk_low : stagerExit.done),
  ),
  janitor: command(
    "removes what ended jobs left on this node",
    JanitorConfig,
    async (config) => {
      const [{ runJanitor }, { nodeEngine }] = await Promise.all([import("./janitor.ts"), import("./node-engine.ts")]);
      return runJanitor(config, nodeEngine(config.docker_socket));
    },
    ({ busy_jobs }: JanitorResult) => (busy_jobs.length > 0 ? stagerExit.busy : stagerExit.done),
  ),
  inspect: command(
    "tells how a task's container on this node ended, and whether the node's disk is full",
    InspectConfig,
    async (config) => {
      const [{ inspectContainer }, { nodeEngine }] = await Promise.all([
        import("./inspect-container.ts"),
        import("./node-engine.ts"),
      ]);
      return inspectContainer(config, nodeEngine(config.docker_socket));
    },
    ({ found }: InspectResult) => (found ? stagerExit.done : stagerExit.not_found),
  ),
};
