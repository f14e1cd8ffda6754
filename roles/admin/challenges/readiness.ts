import { createChallenges } from "#shared/database/challenges.ts";
import type { Database } from "#shared/database/database.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { type Fetch, probeChallenge } from "./probe.ts";

export interface Prober {
  readonly sql: Database;
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

/** Probes every active challenge once, all at the same time. */
export async function probeAll({ sql, clock, log, fetch, baseUrl }: Omit<Prober, "interval_ms">): Promise<void> {
  const registry = createChallenges(sql);
  const active = await registry.withStatus("active");
  await Promise.all(
    active.map(async (challenge) => {
      const { slug } = challenge.spec;
      const reason = await probeChallenge(challenge, fetch, baseUrl);
      const ready = reason === null;
      if (challenge.readiness?.ready !== ready) log.info({ slug, ready, reason }, "readiness of a challenge changed");
      await registry.recordReadiness(slug, { ready, reason, checked_at: new Date(clock.now()).toISOString() });
    }),
  );
}
