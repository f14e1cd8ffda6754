import type { Database } from "#shared/database/database.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { createWeightsAnswers, type WeightsAnswer } from "#shared/database/tables/weights-answers.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { type Fetch, probeChallenge } from "./probe.ts";

export interface Prober {
  readonly sql: Database;
  readonly netuid: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch: Fetch;
  readonly interval_ms: number;
  readonly baseUrl?: Parameters<typeof probeChallenge>[2];
}

/** Probes every active challenge each `interval_ms` and records the result, until `signal` is aborted. */
export async function keepProbing(prober: Prober, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await probeAll(prober);
    } catch (error) {
      prober.log.warn({ err: error }, "the readiness of challenges could not be probed; it is tried again");
    }
    await pause(prober.clock, prober.interval_ms, signal);
  }
}

/**
 * Probes every active challenge once, all at the same time. A challenge that answers the probe is still not ready while the
 * aggregator cannot use its weights.
 */
export async function probeAll({
  sql,
  netuid,
  clock,
  log,
  fetch,
  baseUrl,
}: Omit<Prober, "interval_ms">): Promise<void> {
  const registry = createChallenges(sql);
  const [active, answers] = await Promise.all([
    registry.withStatus("active"),
    createWeightsAnswers(sql, netuid).bySlug(),
  ]);
  await Promise.all(
    active.map(async (challenge) => {
      const { slug } = challenge.spec;
      const reason = (await probeChallenge(challenge, fetch, baseUrl)) ?? weightsProblem(challenge, answers.get(slug));
      const ready = reason === null;
      if (challenge.readiness?.ready !== ready)
        log.info({ slug, ready, reason }, "the readiness of a challenge changed");
      await registry.recordReadiness(slug, { ready, reason, checked_at: new Date(clock.now()).toISOString() });
    }),
  );
}

/** Why the aggregator cannot use its weights. Answers from before the record's last change, or activation, do not count. */
function weightsProblem({ updated_at }: Challenge, answer: WeightsAnswer | undefined): string | null {
  if (!answer || answer.error === null || answer.asked_at < updated_at) return null;
  return `its weights are not taken: ${answer.error}`;
}
