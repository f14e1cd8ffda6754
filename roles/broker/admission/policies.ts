import type { Challenges } from "#shared/database/tables/challenges.ts";
import { type JobPolicy, jobPolicyOf } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

export type Policies = () => Promise<ReadonlyMap<string, JobPolicy>>;

/** The job policies of all challenges, by slug. */
export function policiesOf(challenges: Pick<Challenges, "all">): Policies {
  return async () => new Map((await challenges.all()).map(({ spec }) => [spec.slug as string, jobPolicyOf(spec)]));
}

/** The same, at most `policies_ms` old. Otherwise every job that is shown would read all records. */
export function recentPolicies(read: Policies, clock: Pick<Clock, "monotonic">): Policies {
  let last: { readonly read_ms: number; readonly policies: ReturnType<Policies> } | null = null;
  return () => {
    if (last && clock.monotonic() - last.read_ms < limits.jobs.policies_ms) return last.policies;
    const reading = { read_ms: clock.monotonic(), policies: read() };
    last = reading;
    reading.policies.catch(() => {
      if (last === reading) last = null;
    });
    return reading.policies;
  };
}
