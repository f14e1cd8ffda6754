import type { Registry } from "prom-client";
import { createHttpApp } from "#shared/http/app.ts";
import { operation } from "#shared/http/operation.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { SubmitterStatus } from "./status.ts";

/** The loopback routes of a submitter: its status and its metrics. */
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
    .get(
      "/status",
      () => status,
      operation({ tag: "submitter", summary: "What the submitter does", answer: SubmitterStatus, isPublic: true }),
    )
    .get(
      "/metrics",
      async () => new Response(await metrics.metrics(), { headers: { "content-type": metrics.contentType } }),
      operation({ tag: "submitter", summary: "Prometheus metrics", contentType: "text/plain", isPublic: true }),
    );
}
