import type { Static, TObject } from "@sinclair/typebox";
import { limits } from "#shared/schemas/limits.ts";
import type { ChallengeContext, ChallengeDefinition } from "./define-challenge.ts";

/** What get_weights answers: finite weights above 0 by hotkey, from the definition or each hotkey's best score. */
export function weightsOf<S extends TObject>(
  definition: ChallengeDefinition<S>,
  context: ChallengeContext<Static<S>>,
): Record<string, number> {
  const best = context.submissions.best(limits.challenge_sdk.weights_max);
  const weights =
    definition.weights?.(best, context) ?? Object.fromEntries(best.map(({ hotkey, score }) => [hotkey, score]));
  return Object.fromEntries(Object.entries(weights).filter(([, weight]) => Number.isFinite(weight) && weight > 0));
}
