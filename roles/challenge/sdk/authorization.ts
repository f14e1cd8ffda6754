import { createHash, timingSafeEqual } from "node:crypto";
import { ProblemError } from "#shared/http/problem.ts";

/** Refuses every caller but the platform (contract §1). @throws ProblemError 503 without a configured token, then 401 for a wrong token, then 400 for a wrong slug */
export function requirePlatform(
  headers: Headers,
  { token, slug }: { readonly token: string | undefined; readonly slug: string },
): void {
  if (!token) throw new ProblemError(503, "token_not_configured", "The challenge has no token configured");
  const sent = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  if (!timingSafeEqual(digest(sent), digest(token)))
    throw new ProblemError(401, "invalid_authorization", "Invalid authorization", {
      headers: { "www-authenticate": "Bearer" },
    });
  if (headers.get("x-platform-challenge-slug") !== slug)
    throw new ProblemError(400, "wrong_challenge_slug", "Wrong challenge slug");
}

/** The comparison needs inputs of equal length. */
const digest = (text: string) => createHash("sha256").update(text).digest();
