import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";

interface Prunable {
  prune(now: Date): Promise<void>;
}

/** Prunes each table every 10 min until `signal` is aborted. A failure is logged, and the table is pruned the next time. */
export async function applyRetention(
  tables: readonly Prunable[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const table of tables) {
      await table
        .prune(new Date(clock.now()))
        .catch((err: unknown) =>
          log.warn(
            { err },
            "old nonces or upload records could not be removed from the database; it is tried again in 10 min",
          ),
        );
    }
    await pause(clock, limits.proxy.retention_every_ms, signal);
  }
}
