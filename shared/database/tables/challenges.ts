import { Value } from "@sinclair/typebox/value";
import type postgres from "postgres";
import { type Challenge, ChallengeSpec, type ChallengeStatus, type Readiness } from "../../schemas/challenge.ts";
import { isGrantable } from "../../schemas/granted-network.ts";
import type { Database, Transaction } from "../database.ts";

type Row = Omit<Challenge, "spec"> & { readonly spec: unknown };

/** The registry. Only administrators write it, except for readiness and the end of a rotation. */
export interface Challenges {
  /** Every record, by slug. */
  all(): Promise<readonly Challenge[]>;
  withStatus(status: ChallengeStatus): Promise<readonly Challenge[]>;
  bySlug(slug: string): Promise<Challenge | null>;
  /** By slug, else by a unique match of the name in any case; null when unknown or ambiguous (contract §2). */
  byNameOrSlug(name: string): Promise<Challenge | null>;
  recordReadiness(slug: string, readiness: Readiness): Promise<void>;
  /** For the supervisor: only the token of this generation is accepted from now on, unless there is a later one. */
  endRotation(slug: string, token_generation: number): Promise<void>;
}

/** The registry over `sql`, which may be a transaction. Reads throw when a stored record does not meet the schema. */
export function createChallenges(sql: Database | Transaction): Challenges {
  const read = async (rows: postgres.PendingQuery<postgres.Row[]>) =>
    (await rows).map((row) => parse(row as unknown as Row));
  return {
    all: () => read(sql`select * from challenges order by slug`),
    withStatus: (status) => read(sql`select * from challenges where status = ${status} order by slug`),
    async bySlug(slug) {
      return (await read(sql`select * from challenges where slug = ${slug}`))[0] ?? null;
    },
    async byNameOrSlug(name) {
      const found = await read(
        sql`select * from challenges where slug = ${name} or lower(spec->>'name') = lower(${name}) order by (slug = ${name}) desc limit 3`,
      );
      const [first, second] = found;
      return first && (first.spec.slug === name || !second) ? first : null;
    },
    async recordReadiness(slug, readiness) {
      await sql`update challenges set readiness = ${sql.json({ ...readiness })} where slug = ${slug}`;
    },
    async endRotation(slug, token_generation) {
      await sql`update challenges set token_rotating = false
        where slug = ${slug} and token_generation = ${token_generation}`;
    },
  };
}

/** A stored record that does not meet the schema was changed by somebody else: the role stops instead of guessing. */
function parse(row: Row): Challenge {
  return {
    spec: Value.Decode(ChallengeSpec, Value.Default(ChallengeSpec, withoutReserved(row.spec))),
    status: row.status,
    token_generation: row.token_generation,
    token_rotating: row.token_rotating,
    readiness: row.readiness,
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

/** Drops grants of networks that may not be granted: older records may name them, and must stay readable. */
function withoutReserved(spec: unknown): unknown {
  const { jobs } = spec as { readonly jobs?: { readonly networks?: readonly string[] } };
  return jobs?.networks
    ? { ...(spec as object), jobs: { ...jobs, networks: jobs.networks.filter(isGrantable) } }
    : spec;
}
