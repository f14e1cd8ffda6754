import { Elysia } from "elysia";
import { type AuditRecord, listAudit, verifyAudit } from "#shared/database/tables/audit.ts";
import { jobCounts } from "#shared/database/tables/jobs.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { AuditResource, AuditVerdictResource, JobsResource, StatusResource } from "#shared/schemas/admin.ts";
import type { AdminWorld } from "../admin-world.ts";
import { limitOf, numberCursorOf, PageQuery, pageOf } from "../paging.ts";
import { readStatus } from "../status.ts";

/** Reads of status, jobs and the audit log. They change nothing. */
export function observationRoutes(world: AdminWorld) {
  const { sql } = world;
  return new Elysia({ prefix: "/v1/admin", normalize: false })
    .get(
      "/status",
      () => readStatus(world),
      operation({ tag: "status", summary: "The platform at a glance", answer: StatusResource }),
    )
    .get(
      "/jobs",
      async () => ({ items: await jobCounts(sql), next_cursor: null }),
      operation({ tag: "status", summary: "Count the jobs by challenge and state", answer: JobsResource }),
    )
    .get(
      "/audit",
      async ({ query }) => {
        const limit = limitOf(query);
        const rows = await listAudit(sql, limit + 1, numberCursorOf(query));
        return pageOf(rows, limit, ({ id }) => String(id), showAudit);
      },
      {
        query: PageQuery,
        ...operation({
          tag: "audit",
          summary: "List the acts, newest first",
          answer: PageOf(AuditResource),
          refusals: [422],
        }),
      },
    )
    .get(
      "/audit/verify",
      () => verifyAudit(sql),
      operation({ tag: "audit", summary: "Compute the chain of hashes anew", answer: AuditVerdictResource }),
    );
}

function showAudit(record: AuditRecord) {
  return { ...record, at: record.at.toISOString() };
}
