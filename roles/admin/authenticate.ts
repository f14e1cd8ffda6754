import { bearerToken } from "#shared/auth/tokens.ts";
import type { Database } from "#shared/database/database.ts";
import { type AdminIdentity, findAdminToken } from "#shared/database/tables/admin-tokens.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { type AdminScope, includesScope } from "#shared/schemas/admin.ts";
import type { Caller } from "./audited-change.ts";

/** Every path below it needs a token. */
export const adminPath = "/v1/admin/";

/** The scope that a request below `adminPath` needs. The default is the highest. */
export function neededScope(method: string, path: string): AdminScope {
  if (method === "GET" || method === "HEAD") return "read";
  if (/^(challenges|nodes)(\/|$)/.test(path.slice(adminPath.length)) && method !== "DELETE") return "operate";
  return "admin";
}

/** Checks who calls, before the body is read. */
export function createAuthenticator(sql: Database) {
  const identities = new WeakMap<Request, AdminIdentity>();
  return {
    /** @throws ProblemError 401 without a valid token, 403 when its scope does not suffice */
    async admit(request: Request): Promise<void> {
      const { pathname } = new URL(request.url);
      if (!pathname.startsWith(adminPath)) return;
      const token = bearerToken(request.headers.get("authorization"));
      const identity = token === null ? null : await findAdminToken(sql, token);
      if (!identity) {
        throw new ProblemError(401, "unauthorized", "A valid admin token is required.", {
          headers: { "www-authenticate": 'Bearer realm="platform-admin"' },
        });
      }
      const needed = neededScope(request.method, pathname);
      if (!includesScope(identity.scope, needed)) {
        throw new ProblemError(403, "insufficient_scope", `This needs a token of scope ${needed}.`);
      }
      identities.set(request, identity);
    },
    /** Who sent `request`, for the audit log. */
    callerOf(request: Request): Caller {
      const identity = identities.get(request);
      if (!identity) throw new Error("the request was not admitted");
      return { actor: identity.name, request_id: request.headers.get("x-request-id") ?? "" };
    },
  };
}
