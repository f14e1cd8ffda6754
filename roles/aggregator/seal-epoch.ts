import type { KeyObject } from "node:crypto";
import type { Database, Transaction } from "#shared/database/database.ts";
import { type Lead, LeadLostError } from "#shared/database/lead.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import type { EpochInput } from "#shared/database/tables/epochs.ts";
import { createWeightsAnswers } from "#shared/database/tables/weights-answers.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import type { PublishedVector } from "#shared/schemas/weights.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { SharePolicy } from "#shared/weights/aggregate.ts";
import { sealVector } from "#shared/weights/seal.ts";
import type { AskResult } from "./ask-challenge.ts";
import { type GoodAnswer, inputFrom, vectorOf } from "./decide.ts";
import { currentMetagraph, type MetagraphSource } from "./metagraph-source.ts";
import { NothingToSealError } from "./nothing-to-seal.ts";

export interface EpochWorld extends Omit<MetagraphSource, "warn"> {
  readonly sql: Database;
  readonly clock: Clock;
  /** The published endpoint; "" without a configured chain. */
  readonly chainEndpoint: string;
  readonly signingKey: KeyObject;
  readonly ask: (challenge: Challenge) => Promise<AskResult>;
  readonly policy: SharePolicy;
  readonly vector_ttl_ms: number;
  readonly stale_epochs: number;
  readonly epochs_kept: number;
  readonly warn: (sentence: string, cause: unknown) => void;
}

/**
 * One epoch from question to seal (architecture §5). It reads the metagraph, asks all active challenges at the same time, and
 * stores inputs and vector in one transaction. A challenge that fails costs no other challenge anything. Each answer is
 * recorded first, even if the epoch is not sealed then.
 *
 * @throws LeadLostError when another leader has written, NoMetagraphError, NothingToSealError, or what the database throws
 */
export async function sealEpoch(world: EpochWorld, lead: Pick<Lead, "guard" | "fencing">): Promise<PublishedVector> {
  const { sql, netuid, clock } = world;
  const [metagraph, challenges, last] = await Promise.all([
    currentMetagraph(world),
    createChallenges(sql).withStatus("active"),
    lastEpoch(sql, netuid),
  ]);
  const epoch = last + 1;
  const inputs = await Promise.all(challenges.map((challenge) => inputOf(world, challenge, epoch)));
  const now = clock.now();
  await recordAnswers(world, lead, inputs, now);
  const { sealed, published } = vectorOf(world, { epoch, now_ms: now }, inputs, metagraph);
  const vector: PublishedVector = { ...published, ...sealVector(sealed, world.signingKey) };
  await sql.begin(async (tx) => {
    await lead.guard(tx);
    if ((await lastEpoch(tx, netuid)) !== last) throw new LeadLostError("the epoch was sealed by someone else");
    await store(tx, vector, inputs, lead.fencing);
    await tx`delete from epochs where netuid = ${netuid} and epoch <= ${epoch - world.epochs_kept}`;
  });
  return vector;
}

/** @throws NothingToSealError when no challenge has ever answered in this database */
async function recordAnswers(
  { sql, netuid }: EpochWorld,
  lead: Pick<Lead, "guard">,
  inputs: readonly EpochInput[],
  now_ms: number,
): Promise<void> {
  const isAnyKnown = await sql.begin(async (tx) => {
    await lead.guard(tx);
    const answers = createWeightsAnswers(tx, netuid);
    await answers.record(inputs, new Date(now_ms));
    return await answers.hasAny();
  });
  if (!isAnyKnown) throw new NothingToSealError(inputs);
}

async function inputOf(world: EpochWorld, challenge: Challenge, epoch: number): Promise<EpochInput> {
  const { slug, emission_percent } = challenge.spec;
  const started = world.clock.monotonic();
  const result = await world.ask(challenge);
  const asked = { slug, emission_percent, ms: Math.round(world.clock.monotonic() - started) };
  const good = result.ok ? undefined : await lastGood(world, slug, epoch - world.stale_epochs);
  return inputFrom(asked, result, good);
}

async function lastGood({ sql, netuid }: EpochWorld, slug: string, oldest: number): Promise<GoodAnswer | undefined> {
  const [row] = await sql`
    select epoch::int, weights from epoch_inputs
    where netuid = ${netuid} and slug = ${slug} and ok and epoch >= ${oldest} order by epoch desc limit 1`;
  return row as GoodAnswer | undefined;
}

async function lastEpoch(sql: Database | Transaction, netuid: number): Promise<number> {
  const [row] = await sql`select coalesce(max(epoch), 0)::int as epoch from epochs where netuid = ${netuid}`;
  return row?.["epoch"] as number;
}

async function store(tx: Transaction, vector: PublishedVector, inputs: readonly EpochInput[], fencing: number) {
  const { netuid, epoch, computed_at, expires_at, digest } = vector;
  await tx`
    insert into epochs (netuid, epoch, fencing, computed_at, expires_at, vector, digest)
    values (${netuid}, ${epoch}, ${fencing}, ${computed_at}, ${expires_at}, ${tx.json(vector)}, ${digest})`;
  for (const input of inputs) {
    await tx`
      insert into epoch_inputs (netuid, epoch, slug, emission_percent, ok, error, stale_from_epoch, challenge_epoch, weights, ms)
      values (${netuid}, ${epoch}, ${input.slug}, ${input.emission_percent}, ${input.ok}, ${input.error},
        ${input.stale_from_epoch}, ${input.challenge_epoch}, ${tx.json(input.weights)}, ${input.ms})`;
  }
}
