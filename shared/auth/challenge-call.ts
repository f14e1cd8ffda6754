import type { Challenge } from "../schemas/challenge.ts";
import { acceptedGenerations, deriveToken } from "./tokens.ts";

/**
 * Calls a challenge with its token. While a rotation is under way the challenge may still hold the former one: when it
 * answers 401, it is asked again with that.
 *
 * @param send sends the request with this token
 * @param discard lets go of an answer that is not used
 */
export async function callChallenge<A extends { readonly status: number }>(
  challenge: Pick<Challenge, "spec" | "token_generation" | "token_rotating">,
  masterKey: string,
  send: (token: string) => Promise<A>,
  discard: (answer: A) => unknown,
): Promise<A> {
  const [present, former] = acceptedGenerations(challenge).map((generation) =>
    deriveToken(masterKey, "challenge", challenge.spec.slug, generation),
  ) as [string, string?];
  const answer = await send(present);
  if (answer.status !== 401 || former === undefined) return answer;
  await discard(answer);
  return await send(former);
}
