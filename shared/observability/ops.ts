import { join } from "node:path";
import { Gauge, type Registry } from "prom-client";
import { type Server, serve } from "../http/serve.ts";
import { buildInfo } from "../process/build-info.ts";
import { limits } from "../schemas/limits.ts";

/** One thing that must hold; `run` throws an Error whose message an operator may read. */
export interface Probe {
  readonly name: string;
  /** A text that it resolves to is shown as the probe's state. */
  run(signal: AbortSignal): Promise<unknown>;
}

/** The aggregator's probe that fails until a challenge has answered for the first time: an installation may end with it. */
export const first_answer_probe = "first_answer";

export interface ProbeResult {
  readonly name: string;
  readonly ok: boolean;
  readonly state?: string;
  readonly reason?: string;
}

export interface OpsState {
  starting: boolean;
  probes: readonly Probe[];
}

/** Runs all probes at once, each for at most `ms_max`; a probe that throws or takes longer is a failed one. */
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

/**
 * The routes every role has for its operator, on `<directory>/<role>/ops.sock`: `/livez` (the process answers), `/readyz`
 * (every probe holds, else 503 with the reasons), `/health`, `/version`, `/metrics` (Prometheus text).
 */
export function serveOps({
  role,
  directory,
  metrics,
  state,
}: {
  readonly role: string;
  readonly directory: string;
  readonly metrics: Registry;
  readonly state: OpsState;
}): Server {
  processMetrics(role, metrics);
  const routes: Record<string, () => Promise<Response> | Response> = {
    "/livez": () => Response.json({ status: "ok" }),
    "/health": () => Response.json({ status: "ok" }),
    "/version": () => Response.json({ role, ...buildInfo }),
    "/readyz": async () => {
      if (state.starting)
        return Response.json({ ready: false, reason: "starting or stopping", probes: [] }, { status: 503 });
      const probes = await runProbes(state.probes, limits.process.probe_ms_max);
      const ready = probes.every(({ ok }) => ok);
      return Response.json({ ready, probes }, { status: ready ? 200 : 503 });
    },
    "/metrics": async () => new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } }),
  };
  return serve((request) => routes[new URL(request.url).pathname]?.() ?? new Response("not found\n", { status: 404 }), {
    unix: join(directory, role, "ops.sock"),
  });
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
  new Gauge({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time spent.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
}
