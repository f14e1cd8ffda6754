import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { ChallengeInput, ChallengePatch, ChallengeResource } from "#shared/schemas/admin.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { Slug } from "#shared/schemas/names.ts";
import type { AdminWorld } from "../admin-world.ts";
import { challengeNotFound, createChallengeWrites } from "../challenges/writes.ts";
import { limitOf, PageQuery, pageOf } from "../paging.ts";

const params = Type.Object({ slug: Slug });
const tag = "challenges";

export function showChallenge(challenge: Challenge): ChallengeResource {
  const { spec, status, created_at, updated_at, ...rest } = challenge;
  return {
    slug: spec.slug,
    spec,
    status,
    token_generation: rest.token_generation,
    token_rotating: rest.token_rotating,
    readiness: rest.readiness,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

/** The registry of challenges: list, create, read, change, delete. */
export function challengeRoutes({ sql, clock, callerOf }: AdminWorld) {
  const registry = createChallenges(sql);
  const writes = createChallengeWrites({ sql, clock });
  const one = (summary: string, refusals: number[], status = 200) =>
    operation({ tag, summary, answer: ChallengeResource, status, refusals });
  return new Elysia({ prefix: "/v1/admin/challenges", normalize: false })
    .get(
      "",
      async ({ query }) => {
        const limit = limitOf(query);
        const after = query.cursor ?? "";
        const rows = (await registry.all()).filter(({ spec }) => spec.slug > after).slice(0, limit + 1);
        return pageOf(rows, limit, ({ spec }) => spec.slug, showChallenge);
      },
      {
        query: PageQuery,
        ...operation({ tag, summary: "List the challenges", answer: PageOf(ChallengeResource), refusals: [422] }),
      },
    )
    .post(
      "",
      async ({ body, request, set }) => {
        const challenge = await writes.create(callerOf(request), body);
        set.status = 201;
        set.headers["location"] = `/v1/admin/challenges/${challenge.spec.slug}`;
        return showChallenge(challenge);
      },
      { body: ChallengeInput, parse: "json", ...one("Create a draft", [409, 422], 201) },
    )
    .get(
      "/:slug",
      async ({ params: { slug } }) => {
        const challenge = await registry.bySlug(slug);
        if (!challenge) throw challengeNotFound();
        return showChallenge(challenge);
      },
      { params, ...one("Read a challenge", [404, 422]) },
    )
    .put(
      "/:slug",
      async ({ params, body, request }) => showChallenge(await writes.replace(callerOf(request), params.slug, body)),
      {
        params,
        body: ChallengeInput,
        parse: "json",
        ...one("Replace its record", [404, 422]),
      },
    )
    .patch(
      "/:slug",
      async ({ params, body, request }) => showChallenge(await writes.patch(callerOf(request), params.slug, body)),
      {
        params,
        body: ChallengePatch,
        parse: "json",
        ...one("Change parts of its record", [404, 422]),
      },
    )
    .delete(
      "/:slug",
      async ({ params, request, set }) => {
        await writes.remove(callerOf(request), params.slug);
        set.status = 204;
      },
      {
        params,
        ...operation({ tag, summary: "Delete it; its data volume stays", status: 204, refusals: [404, 409, 422] }),
      },
    );
}
