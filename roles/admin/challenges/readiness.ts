import { createChallenges } from "#shared/database/challenges.ts";
import type { Database } from "#shared/database/database.ts";
import { createWeightsAnswers, type WeightsAnswer } from "#shared/database/weights-answers.ts";
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

/** Probes every active challenge again and again and writes down what it saw, until `signal` is aborted. */
export async function keepProbing(prober: Prober, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await probeAll(prober);
    } catch (error) {
      prober.log.warn({ err: error }, "readiness could not be probed");
    }
    await pause(prober.clock, prober.interval_ms, signal);
  }
}

/**
 * Probes every active challenge once, all at the same time. One that answers the probe is still not ready while the aggregator
 * does not take its weights: they are what it is there for.
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
      if (challenge.readiness?.ready !== ready) log.info({ slug, ready, reason }, "readiness of a challenge changed");
      await registry.recordReadiness(slug, { ready, reason, checked_at: new Date(clock.now()).toISOString() });
    }),
  );
}

/** What was asked of it before its record last changed, its activation included, says nothing of it any more. */
function weightsProblem({ updated_at }: Challenge, answer: WeightsAnswer | undefined): string | null {
  if (!answer || answer.error === null || answer.asked_at < updated_at) return null;
  return `its weights are not taken: ${answer.error}`;
}
