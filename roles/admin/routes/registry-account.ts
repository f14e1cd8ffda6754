import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import {
  type RegistryAccount,
  registryAccounts,
  setRegistryAccount,
} from "#shared/database/tables/registry-credentials.ts";
import { operation } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { RegistryAccountInput, RegistryAccountResource, RegistryName } from "#shared/schemas/admin.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Slug } from "#shared/schemas/names.ts";
import type { AdminWorld } from "../admin-world.ts";
import { act } from "../audited-change.ts";
import { challengeNotFound } from "../challenges/writes.ts";

const ofChallenge = Type.Object({ slug: Slug });
const ofRegistry = Type.Object({ slug: Slug, registry: RegistryName });
const tag = "challenges";
const Accounts = Type.Object(
  { items: Type.Array(RegistryAccountResource), next_cursor: Type.Null() },
  { description: "all of the challenge's accounts" },
);

/** A challenge's accounts at image registries, for private job images (jobs §6). No route shows a password. */
export function registryAccountRoutes(world: AdminWorld) {
  const { sql, clock, callerOf, masterKey } = world;
  return new Elysia({ prefix: "/v1/admin/challenges/:slug/registry-accounts", normalize: false })
    .get(
      "",
      async ({ params: { slug } }) => {
        if (!(await createChallenges(sql).bySlug(slug))) throw challengeNotFound();
        return { items: (await registryAccounts(sql, slug)).map(show), next_cursor: null };
      },
      {
        params: ofChallenge,
        ...operation({ tag, summary: "List its accounts at registries", answer: Accounts, refusals: [404, 422] }),
      },
    )
    .put(
      "/:registry",
      ({ params: { slug, registry }, body: { username, password }, request }) =>
        act(world, callerOf(request), async (tx) => {
          const [challenge] = await tx`select 1 from challenges where slug = ${slug} for update`;
          if (!challenge) throw challengeNotFound();
          const before = await registryAccounts(tx, slug);
          const known = before.find((account) => account.registry === registry);
          if (!known && before.length >= limits.challenge.registries_max) throw tooMany();
          const account = { registry, username, updated_at: new Date(clock.now()) };
          await setRegistryAccount(tx, masterKey, slug, { ...account, password });
          const audit = { action: "registry_account.set", subject: `${slug} ${registry}` };
          return {
            result: show(account),
            audit: { ...audit, before: known ? { username: known.username } : null, after: { username } },
          };
        }),
      {
        params: ofRegistry,
        body: RegistryAccountInput,
        ...operation({
          tag,
          summary: "Give it an account at a registry",
          answer: RegistryAccountResource,
          refusals: [404, 409, 422],
        }),
      },
    )
    .delete(
      "/:registry",
      async ({ params: { slug, registry }, request, set }) => {
        await act(world, callerOf(request), async (tx) => {
          const [gone] = await tx`delete from registry_credentials
            where challenge = ${slug} and registry = ${registry} returning username`;
          if (!gone) throw new ProblemError(404, "registry_account_not_found", "There is no account at this registry.");
          const before = { username: gone["username"] as string };
          const audit = { action: "registry_account.delete", subject: `${slug} ${registry}`, before, after: null };
          return { result: undefined, audit };
        });
        set.status = 204;
      },
      { params: ofRegistry, ...operation({ tag, summary: "Take an account away", status: 204, refusals: [404, 422] }) },
    );
}

function show({ registry, username, updated_at }: RegistryAccount) {
  return { registry, username, updated_at: updated_at.toISOString() };
}

function tooMany(): ProblemError {
  const detail = `A challenge has at most ${limits.challenge.registries_max} accounts at registries.`;
  return new ProblemError(409, "too_many_registry_accounts", detail);
}
