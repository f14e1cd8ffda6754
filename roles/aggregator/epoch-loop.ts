import { type Candidate, type Lead, LeadLostError } from "#shared/database/lead.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { PublishedVector } from "#shared/schemas/weights.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { msUntilDue } from "./decide.ts";
import { NothingToSealError } from "./nothing-to-seal.ts";

export interface EpochLoop {
  readonly clock: Clock;
  readonly log: Logger;
  readonly epoch_ms: number;
  readonly candidate: Pick<Candidate, "take">;
  /** When the last epoch was sealed, milliseconds since the Unix epoch; null: none was. */
  readonly lastSealedAt: () => Promise<number | null>;
  readonly seal: (lead: Lead) => Promise<PublishedVector>;
  /** Reads the metagraph between epochs, so that a new miner is known soon. Never throws. */
  readonly refresh: () => Promise<unknown>;
  readonly refresh_ms: number;
  /** Called with each outcome, for readiness and metrics. */
  readonly onOutcome: (outcome: PublishedVector | Error) => void;
}

/** Seals one epoch after another while this process leads. Takes the lead again after losing it. Ends when `signal` is aborted. */
export async function runEpochs(loop: EpochLoop, signal: AbortSignal): Promise<void> {
  const { log, clock } = loop;
  while (!signal.aborted) {
    try {
      const lead = await loop.candidate.take(signal);
      try {
        await whileLeading(loop, lead, signal);
      } finally {
        await lead.release();
      }
    } catch (error) {
      if (signal.aborted) return;
      loop.onOutcome(error as Error);
      log.warn({ err: error }, "this aggregator lost the lead; it tries to take it again");
      await pause(clock, 1_000, signal);
    }
  }
}

/** Seals while this process leads. @throws LeadLostError when it does not lead any more, and the signal's reason */
async function whileLeading(loop: EpochLoop, lead: Lead, signal: AbortSignal): Promise<void> {
  const { clock, log, epoch_ms } = loop;
  let retry_ms = 0;
  let refreshed = clock.monotonic();
  let waiting_for = "";
  for (;;) {
    signal.throwIfAborted();
    await lead.confirm();
    const wait_ms = Math.max(msUntilDue(await loop.lastSealedAt(), clock.now(), epoch_ms), retry_ms);
    if (wait_ms > 0) {
      const slice = Math.min(wait_ms, limits.database.lead_heartbeat_ms, loop.refresh_ms);
      await clock.sleep(slice, signal);
      retry_ms = Math.max(0, retry_ms - slice);
      if (clock.monotonic() - refreshed >= loop.refresh_ms) {
        await loop.refresh();
        refreshed = clock.monotonic();
      }
      continue;
    }
    try {
      const vector = await loop.seal(lead);
      const failed = vector.source_challenges.filter(({ ok }) => !ok).map(({ slug, error }) => `${slug}: ${error}`);
      log.info({ epoch: vector.epoch, uids: vector.uids.length, digest: vector.digest, failed }, "sealed an epoch");
      loop.onOutcome(vector);
    } catch (error) {
      if (signal.aborted || error instanceof LeadLostError) throw error;
      const { message } = error as Error;
      if (!(error instanceof NothingToSealError))
        log.error({ err: error }, "the epoch could not be sealed; it is tried again");
      else if (message !== waiting_for) log.warn(`no epoch is sealed: ${message}`);
      waiting_for = message;
      loop.onOutcome(error as Error);
      retry_ms = Math.min(epoch_ms, limits.weights.seal_again_ms);
    }
  }
}
