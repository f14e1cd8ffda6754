import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { EpochDetail, EpochResource } from "#shared/schemas/admin.ts";
import type { AdminWorld } from "../admin-world.ts";
import { limitOf, numberCursorOf, PageQuery, pageOf } from "../paging.ts";
import { showEpoch } from "../status.ts";

const tag = "epochs";

/** The sealed epochs and what they were made of. */
export function epochRoutes({ sql, netuid }: AdminWorld) {
  const epochs = createEpochs(sql, netuid);
  return new Elysia({ prefix: "/v1/admin", normalize: false })
    .get(
      "/epochs",
      async ({ query }) => {
        const limit = limitOf(query);
        const rows = await epochs.list(limit + 1, numberCursorOf(query));
        return pageOf(rows, limit, ({ epoch }) => String(epoch), showEpoch);
      },
      {
        query: PageQuery,
        ...operation({
          tag,
          summary: "List the sealed epochs, newest first",
          answer: PageOf(EpochResource),
          refusals: [422],
        }),
      },
    )
    .get(
      "/epochs/:epoch",
      async ({ params: { epoch } }) => {
        const [vector, inputs] = await Promise.all([epochs.byNumber(Number(epoch)), epochs.inputsOf(Number(epoch))]);
        if (!vector) throw new ProblemError(404, "epoch_not_found", "There is no such epoch, or it is no longer kept.");
        return { vector, inputs };
      },
      {
        params: Type.Object({ epoch: Type.String({ pattern: "^[1-9][0-9]{0,14}$" }) }),
        ...operation({
          tag,
          summary: "Read an epoch with its inputs",
          answer: EpochDetail,
          refusals: [404, 422],
        }),
      },
    );
}
