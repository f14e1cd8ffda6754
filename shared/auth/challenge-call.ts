import type { Challenge } from "../schemas/challenge.ts";
import { acceptedGenerations, deriveToken } from "./tokens.ts";

/**
 * Calls a challenge with its present token. During a rotation the challenge may still hold the former one: after a 401 it
 * is called again with that.
 *
 * @param send sends the request with this token
 * @param discard releases an answer that is not used
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
