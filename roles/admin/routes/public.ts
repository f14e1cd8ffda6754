import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Database } from "#shared/database/database.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { operation } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { PublicRegistry } from "#shared/schemas/public-registry.ts";
import { PublishedVector } from "#shared/schemas/weights.ts";
import type { Clock } from "#shared/time/clock.ts";
import { boardSvg } from "../board-svg.ts";
import { briefly } from "../briefly.ts";
import { publicRegistry } from "../challenges/public-view.ts";

const tag = "public";
const Picture = Type.String({ description: "an SVG document" });

/** Reads that need no token (contract §5). All readers together cost one query a second; nothing is computed for them. */
export function publicRoutes({
  sql,
  clock,
  netuid,
}: {
  readonly sql: Database;
  readonly clock: Clock;
  readonly netuid: number;
}) {
  const latest = briefly(clock, limits.http.public_read_ms, () => createEpochs(sql, netuid).latest());
  const challenges = briefly(clock, limits.http.public_read_ms, () => createChallenges(sql).all());
  return new Elysia({ normalize: false })
    .get(
      "/v1/weights/latest",
      async ({ request, set }) => {
        const vector = await latest();
        if (!vector) {
          throw new ProblemError(503, "weights_unavailable", "No weights have been sealed yet.", {
            headers: { "retry-after": "30" },
          });
        }
        if (Date.parse(vector.expires_at) <= clock.now()) {
          throw new ProblemError(503, "weights_stale", "The last sealed weights have expired.", {
            headers: { "retry-after": "30" },
          });
        }
        const etag = `"${vector.digest}"`;
        set.headers["etag"] = etag;
        set.headers["cache-control"] = "no-cache";
        if (!matches(request.headers.get("if-none-match"), etag)) return vector;
        set.status = 304;
        return;
      },
      operation({
        tag,
        summary: "The last sealed weight vector",
        description: "With If-None-Match: 304 while it is the same one.",
        answer: PublishedVector,
        refusals: [503],
        isPublic: true,
      }),
    )
    .get(
      "/v1/registry",
      async () => publicRegistry(await challenges()),
      operation({ tag, summary: "The challenges", answer: PublicRegistry, isPublic: true }),
    )
    .get(
      "/v1/challenges/dashboard.svg",
      async () =>
        new Response(boardSvg((await challenges()).filter(({ status }) => status !== "draft")), {
          headers: {
            "content-type": "image/svg+xml; charset=utf-8",
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'",
            "x-content-type-options": "nosniff",
          },
        }),
      operation({
        tag,
        summary: "The challenges as a picture",
        answer: Picture,
        contentType: "image/svg+xml",
        isPublic: true,
      }),
    );
}

/** RFC 9110 §13.1.2, the weak comparison. */
function matches(header: string | null, etag: string): boolean {
  return (
    header !== null &&
    (header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag))
  );
}
