import type { Static, TObject } from "@sinclair/typebox";
import { limits } from "#shared/schemas/limits.ts";
import type { ChallengeContext, ChallengeDefinition } from "./define-challenge.ts";

/**
 * The weights that get_weights answers: finite and above 0, by hotkey. They come from the definition, or else from each hotkey's
 * best score. When there are more than the platform takes, the heaviest are answered: the platform would refuse them all otherwise.
 */
export function weightsOf<S extends TObject>(
  definition: ChallengeDefinition<S>,
  context: ChallengeContext<Static<S>>,
): Record<string, number> {
  const best = context.submissions.best(limits.weights.hotkeys_max);
  const weights =
    definition.weights?.(best, context) ?? Object.fromEntries(best.map(({ hotkey, score }) => [hotkey, score]));
  const kept = Object.entries(weights).filter(([, weight]) => Number.isFinite(weight) && weight > 0);
  if (kept.length <= limits.weights.hotkeys_max) return Object.fromEntries(kept);
  context.log.warn(
    { hotkeys: kept.length, answered: limits.weights.hotkeys_max },
    "more hotkeys have a weight than the platform takes; the lightest are left out",
  );
  return Object.fromEntries(kept.toSorted(([, a], [, b]) => b - a).slice(0, limits.weights.hotkeys_max));
}
