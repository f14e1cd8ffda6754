import type { Static, TObject } from "@sinclair/typebox";
import { t } from "elysia";
import { createHttpApp } from "#shared/http/app.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { buildInfo } from "#shared/process/build-info.ts";
import { requirePlatform } from "./sdk/authorization.ts";
import type { ChallengeContext, ChallengeDefinition } from "./sdk/define-challenge.ts";
import { PageRows } from "./sdk/page-query.ts";
import { receiveUpload } from "./sdk/receive-upload.ts";
import { publicSubmission } from "./sdk/store/submission.ts";
import { weightsOf } from "./sdk/weights.ts";

export const api_version = "1.0";

export interface AppParts<S extends TObject> {
  readonly definition: ChallengeDefinition<S>;
  readonly context: ChallengeContext<Static<S>>;
  readonly shared_token: string | undefined;
  /** Called when a submission was stored. */
  onReceived(): void;
}

/** The routes of contract §1, the public routes of every challenge, and the definition's own routes. */
export function createApp<S extends TObject>({ definition, context, shared_token, onReceived }: AppParts<S>) {
  const { slug, submissions, log } = context;
  const platform = { token: shared_token, slug };
  const app = createHttpApp(log)
    .get("/health", () => ({ status: "ok", slug, version: definition.version }))
    .get("/version", () => ({
      api_version,
      challenge_version: definition.version,
      sdk_version: buildInfo.version,
      capabilities: definition.capabilities,
    }))
    .get("/internal/v1/get_weights", ({ request }) => {
      requirePlatform(request.headers, platform);
      return { challenge_slug: slug, epoch: null, weights: weightsOf(definition, context), metadata: {} };
    })
    .post(
      "/internal/v1/bridge/submissions",
      async ({ request, set }) => {
        requirePlatform(request.headers, platform);
        const { kind, submission } = await receiveUpload(request, definition, context);
        set.status = kind === "new" ? 202 : 200;
        onReceived();
        return publicSubmission(submission);
      },
      // The body is bytes, whatever its content type. It is read only after the sender was checked.
      { parse: "none" },
    )
    .get(
      "/v1/submissions",
      ({ query: { hotkey, cursor, limit } }) => {
        const items = submissions.page({ hotkey, before: cursor }, Number(limit));
        const last = items.length === Number(limit) ? (items.at(-1)?.id ?? null) : null;
        return { items: items.map(publicSubmission), next_cursor: last };
      },
      {
        query: t.Object({
          hotkey: t.Optional(t.String({ maxLength: 64 })),
          cursor: t.Optional(t.String({ maxLength: 64 })),
          limit: PageRows,
        }),
      },
    )
    .get("/v1/submissions/:id", ({ params: { id } }) => {
      const submission = submissions.byId(id);
      if (!submission) throw new ProblemError(404, "submission_not_found", "Submission not found");
      return publicSubmission(submission);
    })
    .get(
      "/v1/leaderboard",
      ({ query: { limit } }) => ({
        items: submissions.best(Number(limit)).map((best, index) => ({ rank: index + 1, ...best })),
      }),
      { query: t.Object({ limit: PageRows }) },
    );
  return definition.routes ? app.use(definition.routes(context)) : app;
}
