import type { Database } from "#shared/database/database.ts";

export interface JobCount {
  readonly challenge: string;
  readonly state: string;
  readonly count: number;
}

/** How many jobs each challenge has in which state. */
export async function jobCounts(sql: Database): Promise<JobCount[]> {
  const rows = await sql`
    select challenge, state, count(*)::int as count from jobs group by challenge, state order by challenge, state`;
  return rows.map((row) => ({ ...row }) as JobCount);
}
