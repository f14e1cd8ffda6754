import type { Database } from "#shared/database/database.ts";

export interface JobCount {
  readonly challenge: string;
  readonly state: string;
  readonly count: number;
}

/** How many jobs each challenge has in which state. */
export async function jobCounts(sql: Database): Promise<JobCount[]> {
  const [table] = await sql`select to_regclass('jobs') is not null as exists`;
  if (!table?.["exists"]) return [];
  const rows = await sql`
    select to_jsonb(j)->>'challenge' as challenge, to_jsonb(j)->>'state' as state, count(*)::int as count
    from jobs j group by 1, 2 order by 1, 2`;
  return rows.map((row) => ({ ...row }) as JobCount);
}
