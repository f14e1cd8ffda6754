import type { Database, Transaction } from "../database.ts";

/** How a challenge answered when it was last asked for its weights. */
export interface WeightsAnswer {
  readonly slug: string;
  readonly asked_at: Date;
  /** Why its weights could not be used; null when they were. */
  readonly error: string | null;
}

/** How the challenges of a subnet answered; the aggregator writes it, others read. */
export interface WeightsAnswers {
  /** The last answer of every challenge that was ever asked, by slug. */
  bySlug(): Promise<ReadonlyMap<string, WeightsAnswer>>;
  /** Whether any challenge, also a deleted one, ever gave an answer that could be used. An answer without weights counts. */
  hasAny(): Promise<boolean>;
  record(answers: readonly Pick<WeightsAnswer, "slug" | "error">[], asked_at: Date): Promise<void>;
}

/** {@link WeightsAnswers} of `netuid` over `sql`, which may be a transaction. */
export function createWeightsAnswers(sql: Database | Transaction, netuid: number): WeightsAnswers {
  return {
    async bySlug() {
      const rows = await sql`select slug, asked_at, error from weights_answers where netuid = ${netuid}`;
      return new Map(rows.map((row) => [row["slug"] as string, { ...row } as WeightsAnswer]));
    },
    async hasAny() {
      const rows = await sql`
        select 1 from weights_answers where netuid = ${netuid} and answered_at is not null limit 1`;
      return rows.length > 0;
    },
    async record(answers, asked_at) {
      for (const { slug, error } of answers) {
        const answered_at = error === null ? asked_at : null;
        await sql`
          insert into weights_answers (netuid, slug, asked_at, error, answered_at)
          values (${netuid}, ${slug}, ${asked_at}, ${error}, ${answered_at})
          on conflict (netuid, slug) do update set asked_at = excluded.asked_at, error = excluded.error,
            answered_at = coalesce(excluded.answered_at, weights_answers.answered_at)`;
      }
    },
  };
}
