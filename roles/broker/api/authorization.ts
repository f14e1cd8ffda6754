import { bearerToken, isToken } from "#shared/auth/tokens.ts";
import type { Challenges } from "#shared/database/tables/challenges.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";

/** The active challenge whose broker token the request has. @throws ProblemError 400 or 401, in the order of contract §4 */
export async function authorize(
  headers: Headers,
  challenges: Pick<Challenges, "bySlug">,
  masterKey: string,
): Promise<Challenge> {
  const slug = headers.get("x-platform-challenge-slug");
  if (!slug) throw new ProblemError(400, "missing_challenge_slug", "missing challenge slug");
  const challenge = await challenges.bySlug(slug);
  if (challenge?.status !== "active") throw new ProblemError(401, "unknown_challenge", "unknown challenge");
  const token = bearerToken(headers.get("authorization"));
  if (!token || !isToken(token, masterKey, "broker", challenge)) {
    throw new ProblemError(401, "invalid_broker_token", "invalid broker token");
  }
  return challenge;
}
