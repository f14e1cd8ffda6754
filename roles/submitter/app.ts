import type { Registry } from "prom-client";
import { createHttpApp } from "#shared/http/app.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { SubmitterStatus } from "./status.ts";

/** The loopback routes of a validator: what it does, and its metrics. */
export function createApp({
  status,
  metrics,
  log,
}: {
  readonly status: SubmitterStatus;
  readonly metrics: Registry;
  readonly log: Logger;
}) {
  return createHttpApp(log)
    .get("/status", () => status)
    .get(
      "/metrics",
      async () => new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } }),
    );
}
