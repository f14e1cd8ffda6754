import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";

interface Prunable {
  prune(now: Date): Promise<void>;
}

/** Prunes each table now and then until `signal` is aborted; a failure is logged and tried again the next time. */
export async function applyRetention(
  tables: readonly Prunable[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const table of tables) {
      await table
        .prune(new Date(clock.now()))
        .catch((err: unknown) => log.warn({ err }, "old records could not be removed"));
    }
    await pause(clock, limits.proxy.retention_every_ms, signal);
  }
}
