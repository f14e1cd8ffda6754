import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface ProxyMetrics {
  record(route: string, status: number, ms: number): void;
}

export function registerMetrics(registry: Registry): ProxyMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: "platform_proxy_requests_total",
    help: "Answered requests by route and status.",
    labelNames: ["route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "platform_proxy_request_seconds",
    help: "From a request's head to the end of its answer.",
    labelNames: ["route"],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });
  return {
    record(route, status, ms) {
      requests.inc({ route, status });
      seconds.observe({ route }, ms / 1_000);
    },
  };
}

/** Shows how much of the door is in use at the moment at which `/metrics` is read. */
export function registerUse(
  registry: Registry,
  {
    inFlight,
    memory,
  }: { readonly inFlight: { readonly count: number }; readonly memory: { readonly used_bytes: number } },
): void {
  const registers = [registry];
  new Gauge({
    name: "platform_proxy_requests_in_flight",
    help: "Requests under way, WebSockets included.",
    registers,
    collect() {
      this.set(inFlight.count);
    },
  });
  new Gauge({
    name: "platform_proxy_held_bytes",
    help: "Bytes held in memory for clients.",
    registers,
    collect() {
      this.set(memory.used_bytes);
    },
  });
}
