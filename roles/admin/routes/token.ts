import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { mintAdminToken } from "#shared/database/tables/admin-tokens.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { AdminTokenName, MintedToken, TokenInput, TokenResource } from "#shared/schemas/admin.ts";
import type { AdminWorld } from "../admin-world.ts";
import { act } from "../audited-change.ts";
import { limitOf, PageQuery, pageOf } from "../paging.ts";

const params = Type.Object({ name: AdminTokenName });
const tag = "tokens";
const lifetime_seconds_default = 2_592_000;

function show(row: Record<string, unknown>): TokenResource {
  const time = (name: string) => (row[name] as Date | null)?.toISOString() ?? null;
  return {
    name: row["name"] as string,
    scope: row["scope"] as TokenResource["scope"],
    created_at: time("created_at") ?? "",
    expires_at: time("expires_at") ?? "",
    revoked_at: time("revoked_at"),
  };
}

/** Admin tokens. Their text is shown once and stored nowhere. */
export function tokenRoutes({ sql, clock, callerOf }: AdminWorld) {
  return new Elysia({ prefix: "/v1/admin/tokens", normalize: false })
    .get(
      "",
      async ({ query }) => {
        const limit = limitOf(query);
        const rows = await sql`
          select name, scope, created_at, expires_at, revoked_at from admin_tokens
          where name > ${query.cursor ?? ""} order by name limit ${limit + 1}`;
        return pageOf(rows, limit, (row) => row["name"] as string, show);
      },
      {
        query: PageQuery,
        ...operation({ tag, summary: "List the tokens", answer: PageOf(TokenResource), refusals: [422] }),
      },
    )
    .post(
      "",
      async ({ body, request, set }) => {
        const { name, scope, expires_in_seconds = lifetime_seconds_default } = body;
        const expires_at = new Date(clock.now() + expires_in_seconds * 1_000);
        const minted = await act({ sql, clock }, callerOf(request), async (tx) => {
          const token = await mintAdminToken(tx, { name, scope, expires_at });
          if (token === null) throw new ProblemError(409, "token_exists", "A token of this name is in force.");
          const [row] = await tx`
            select name, scope, created_at, expires_at, revoked_at from admin_tokens where name = ${name}`;
          const result = { ...show(row ?? {}), token };
          return { result, audit: { action: "token.mint", subject: name, before: null, after: { scope, expires_at } } };
        });
        set.status = 201;
        set.headers["cache-control"] = "no-store";
        return minted;
      },
      {
        body: TokenInput,
        parse: "json",
        ...operation({ tag, summary: "Mint a token", answer: MintedToken, status: 201, refusals: [409, 422] }),
      },
    )
    .delete(
      "/:name",
      async ({ params: { name }, request }) =>
        await act({ sql, clock }, callerOf(request), async (tx) => {
          const [row] = await tx`
            update admin_tokens set revoked_at = now() where name = ${name} and revoked_at is null
            returning name, scope, created_at, expires_at, revoked_at`;
          if (!row)
            throw new ProblemError(404, "token_not_found", "There is no token of this name, or it is revoked already.");
          const audit = { action: "token.revoke", subject: name, before: { scope: row["scope"] }, after: null };
          return { result: show(row), audit };
        }),
      { params, ...operation({ tag, summary: "Revoke a token", answer: TokenResource, refusals: [404, 422] }) },
    );
}
