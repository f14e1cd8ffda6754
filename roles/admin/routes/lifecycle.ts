import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { operation } from "#shared/http/operation.ts";
import { ChallengeResource } from "#shared/schemas/admin.ts";
import { Slug } from "#shared/schemas/names.ts";
import type { AdminWorld } from "../admin-world.ts";
import { createChallengeWrites } from "../challenges/writes.ts";
import { showChallenge } from "./challenge.ts";

const params = Type.Object({ slug: Slug });

/** Activates a challenge, deactivates it, and rotates its tokens. */
export function lifecycleRoutes({ sql, clock, callerOf }: AdminWorld) {
  const writes = createChallengeWrites({ sql, clock });
  const one = (summary: string, refusals: number[]) => ({
    params,
    ...operation({ tag: "challenges", summary, answer: ChallengeResource, refusals }),
  });
  return new Elysia({ prefix: "/v1/admin/challenges", normalize: false })
    .post(
      "/:slug/activate",
      async ({ params: { slug }, request }) => showChallenge(await writes.setStatus(callerOf(request), slug, "active")),
      one("Activate it: the supervisor starts it", [404, 422]),
    )
    .post(
      "/:slug/deactivate",
      async ({ params: { slug }, request }) =>
        showChallenge(await writes.setStatus(callerOf(request), slug, "inactive")),
      one("Deactivate it: the supervisor stops it", [404, 422]),
    )
    .post(
      "/:slug/rotate-tokens",
      async ({ params: { slug }, request }) => showChallenge(await writes.rotateTokens(callerOf(request), slug)),
      one("Give it new tokens", [404, 409, 422]),
    );
}
