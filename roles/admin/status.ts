import { schemaVersion } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { createEpochs, type EpochSummary } from "#shared/database/tables/epochs.ts";
import { jobCounts } from "#shared/database/tables/jobs.ts";
import { readyNodes } from "#shared/database/tables/nodes.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import type { StatusResource } from "#shared/schemas/admin.ts";
import type { AdminWorld } from "./admin-world.ts";

/** The platform at a glance. */
export async function readStatus({ sql, netuid, vectorPublicKey }: AdminWorld): Promise<StatusResource> {
  const [all, jobs, nodes, epochs] = await Promise.all([
    createChallenges(sql).all(),
    jobCounts(sql),
    readyNodes(sql),
    createEpochs(sql, netuid).list(1),
  ]);
  const active = all.filter(({ status }) => status === "active");
  const byState = new Map<string, number>();
  for (const { state, count } of jobs) byState.set(state, (byState.get(state) ?? 0) + count);
  const [last] = epochs;
  return {
    ...buildInfo,
    schema_version: schemaVersion,
    netuid,
    vector_public_key: vectorPublicKey,
    challenges: {
      draft: all.filter(({ status }) => status === "draft").length,
      active: active.length,
      inactive: all.filter(({ status }) => status === "inactive").length,
      ready: active.filter(({ readiness }) => readiness?.ready).length,
    },
    challenges_not_ready: active
      .filter(({ readiness }) => !readiness?.ready)
      .map(({ spec, readiness }) => ({ slug: spec.slug, reason: readiness?.reason ?? null })),
    emission_percent_active: active.reduce((total, { spec }) => total + spec.emission_percent, 0),
    jobs: Object.fromEntries(byState),
    nodes_ready: nodes,
    last_epoch: last ? showEpoch(last) : null,
  };
}

export function showEpoch(epoch: EpochSummary) {
  return { ...epoch, computed_at: epoch.computed_at.toISOString(), expires_at: epoch.expires_at.toISOString() };
}
