import { join } from "node:path";
import { Counter, Gauge, type Registry } from "prom-client";
import { createHttpApp, guarded } from "../http/app.ts";
import { operation } from "../http/operation.ts";
import { type Server, serve } from "../http/serve.ts";
import { buildInfo } from "../process/build-info.ts";
import { limits } from "../schemas/limits.ts";
import { type ProbeResult, RoleLiveness, RoleReadiness, RoleVersion } from "../schemas/ops.ts";
import type { Logger } from "./logger.ts";

/** One condition of readiness. `run` throws an Error whose message an operator may read. */
export interface Probe {
  readonly name: string;
  /** Resolves when the condition holds. A text that it resolves to is shown as the probe's state. */
  run(signal: AbortSignal): Promise<unknown>;
}

export interface OpsState {
  starting: boolean;
  probes: readonly Probe[];
}

/** Runs all probes at once, each for at most `ms_max`; a probe that throws or takes longer has failed. */
export function runProbes(probes: readonly Probe[], ms_max: number): Promise<ProbeResult[]> {
  return Promise.all(
    probes.map(async ({ name, run }) => {
      const signal = AbortSignal.timeout(ms_max);
      const late = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error(`no answer within ${ms_max} ms`)), { once: true }),
      );
      try {
        const state = await Promise.race([run(signal), late]);
        return { name, ok: true, ...(typeof state === "string" ? { state } : {}) };
      } catch (error) {
        return { name, ok: false, reason: (error as Error).message };
      }
    }),
  );
}

/** A role as its operator sees it. */
interface OpsWorld {
  readonly role: string;
  readonly metrics: Registry;
  readonly state: OpsState;
  readonly log: Logger;
}

/** Serves a role's operator on `<directory>/<role>/ops.sock`: see `createOpsApp`. */
export function serveOps({ directory, ...world }: OpsWorld & { readonly directory: string }): Server {
  processMetrics(world.role, world.metrics);
  return serve(guarded(createOpsApp(world), world.log), { unix: join(directory, world.role, "ops.sock") });
}

/**
 * The routes every role has for its operator: `/livez` and `/health` (the process answers), `/readyz` (every probe holds,
 * else 503 with the reasons), `/version`, `/metrics` (Prometheus text).
 */
function createOpsApp({ role, metrics, state, log }: OpsWorld) {
  const alive = operation({ tag: "ops", summary: "Whether the process answers", answer: RoleLiveness, isPublic: true });
  return createHttpApp(log)
    .get("/livez", () => ({ status: "ok" }), alive)
    .get("/health", () => ({ status: "ok" }), alive)
    .get(
      "/version",
      () => ({ role, ...buildInfo }),
      operation({ tag: "ops", summary: "What runs", answer: RoleVersion, isPublic: true }),
    )
    .get(
      "/readyz",
      async ({ set }) => {
        const readiness = await readinessOf(state);
        set.status = readiness.ready ? 200 : 503;
        return readiness;
      },
      operation({ tag: "ops", summary: "Whether every dependency answers", answer: RoleReadiness, isPublic: true }),
    )
    .get(
      "/metrics",
      async () => new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } }),
      operation({ tag: "ops", summary: "Prometheus metrics", contentType: "text/plain", isPublic: true }),
    );
}

async function readinessOf({ starting, probes }: OpsState): Promise<RoleReadiness> {
  if (starting) return { ready: false, reason: "starting or stopping", probes: [] };
  const results = await runProbes(probes, limits.process.probe_ms_max);
  return { ready: results.every(({ ok }) => ok), probes: results };
}

function processMetrics(role: string, registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: "platform_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["role", "version", "commit"],
    registers,
  }).set({ role, version: buildInfo.version, commit: buildInfo.commit }, 1);
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory.",
    registers,
    collect() {
      this.set(process.memoryUsage().rss);
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time spent.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      // The kernel does the counting. A counter of prom-client has no `set`, so it is reset and raised.
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
