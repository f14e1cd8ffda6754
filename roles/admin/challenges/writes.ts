import type { Database, Transaction } from "#shared/database/database.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Challenge, ChallengeSpec, ChallengeStatus } from "#shared/schemas/challenge.ts";
import type { Clock } from "#shared/time/clock.ts";
import { act, type Caller } from "../audited-change.ts";
import { mergePatch, parseSpec } from "./parse-record.ts";

/** What an administrator may change in the registry. Each change is one transaction with its audit entry. */
export interface ChallengeWrites {
  create(caller: Caller, spec: unknown): Promise<Challenge>;
  replace(caller: Caller, slug: string, spec: unknown): Promise<Challenge>;
  patch(caller: Caller, slug: string, patch: unknown): Promise<Challenge>;
  setStatus(caller: Caller, slug: string, status: "active" | "inactive"): Promise<Challenge>;
  /** Makes new tokens. The former ones stay valid until the supervisor has delivered the new ones. */
  rotateTokens(caller: Caller, slug: string): Promise<Challenge>;
  remove(caller: Caller, slug: string): Promise<void>;
}

export function createChallengeWrites(world: { readonly sql: Database; readonly clock: Clock }): ChallengeWrites {
  const changeSpec = (caller: Caller, slug: string, next: (spec: ChallengeSpec) => ChallengeSpec) =>
    act(world, caller, async (tx) => {
      const before = await locked(tx, slug);
      const spec = next(before.spec);
      if (spec.slug !== slug) throw new ProblemError(422, "slug_is_fixed", "A challenge's slug cannot be changed.");
      await tx`update challenges set spec = ${tx.json(spec)}, updated_at = now() where slug = ${slug}`;
      const audit = { action: "challenge.change", subject: slug, before: before.spec, after: spec };
      return { result: await existing(tx, slug), audit };
    });
  return {
    create: (caller, value) =>
      act(world, caller, async (tx) => {
        const spec = parseSpec(value);
        const { slug } = spec;
        const made = await tx`
          insert into challenges (slug, spec, status) values (${slug}, ${tx.json(spec)}, 'draft')
          on conflict (slug) do nothing returning slug`;
        if (made.length === 0) throw new ProblemError(409, "challenge_exists", "A challenge of this slug exists.");
        const audit = { action: "challenge.create", subject: slug, before: null, after: spec };
        return { result: await existing(tx, slug), audit };
      }),
    replace: (caller, slug, value) => changeSpec(caller, slug, () => parseSpec(value)),
    patch: (caller, slug, patch) => changeSpec(caller, slug, (spec) => parseSpec(mergePatch(spec, patch))),
    setStatus: (caller, slug, status) => act(world, caller, (tx) => changeStatus(tx, slug, status)),
    rotateTokens: (caller, slug) => act(world, caller, (tx) => rotate(tx, slug)),
    remove: (caller, slug) =>
      act(world, caller, async (tx) => {
        const before = await locked(tx, slug);
        if (before.status === "active") {
          throw new ProblemError(
            409,
            "challenge_active",
            "An active challenge cannot be deleted: deactivate it first.",
          );
        }
        await tx`delete from challenges where slug = ${slug}`;
        const audit = { action: "challenge.delete", subject: slug, before: before.spec, after: null };
        return { result: undefined, audit };
      }),
  };
}

async function changeStatus(tx: Transaction, slug: string, status: "active" | "inactive") {
  const before = await locked(tx, slug);
  if (before.status === status) return { result: before, audit: null };
  await tx`update challenges set status = ${status}, readiness = null, updated_at = now() where slug = ${slug}`;
  const action = status === "active" ? "challenge.activate" : "challenge.deactivate";
  const told = (value: ChallengeStatus) => ({ status: value });
  const audit = { action, subject: slug, before: told(before.status), after: told(status) };
  return { result: await existing(tx, slug), audit };
}

async function rotate(tx: Transaction, slug: string) {
  const before = await locked(tx, slug);
  if (before.token_rotating) {
    throw new ProblemError(409, "rotation_under_way", "The former rotation of its tokens has not been delivered yet.");
  }
  // Only an active challenge holds tokens of the former generation.
  const rotating = before.status === "active";
  await tx`
    update challenges set token_generation = token_generation + 1, token_rotating = ${rotating}, updated_at = now()
    where slug = ${slug}`;
  const after = await existing(tx, slug);
  const told = ({ token_generation }: Challenge) => ({ token_generation });
  const audit = { action: "challenge.rotate_tokens", subject: slug, before: told(before), after: told(after) };
  return { result: after, audit };
}

/** The record, locked until the transaction ends. */
async function locked(tx: Transaction, slug: string): Promise<Challenge> {
  await tx`select 1 from challenges where slug = ${slug} for update`;
  return await existing(tx, slug);
}

async function existing(tx: Transaction, slug: string): Promise<Challenge> {
  const challenge = await createChallenges(tx).bySlug(slug);
  if (!challenge) throw challengeNotFound();
  return challenge;
}

export function challengeNotFound(): ProblemError {
  return new ProblemError(404, "challenge_not_found", "There is no challenge of this slug.");
}
