import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";

/** A challenge's answer to get_weights that can be used. */
export interface WeightsAnswer {
  /** By hotkey; only finite weights above zero. */
  readonly weights: Readonly<Record<string, number>>;
  /** The number of the challenge's own epoch. It is stored and not used. */
  readonly challenge_epoch: number | null;
}

/** The challenge's answer cannot be used. The message is published, so it quotes nothing of the answer. */
export class BadAnswerError extends Error {
  override readonly name = "BadAnswerError";
}

/**
 * Reads the text of an answer (contract §1). Weights that are not finite or not above zero are dropped. A value that is neither
 * a number nor null makes the whole answer unusable.
 *
 * @throws BadAnswerError that says what is wrong
 */
export function parseWeightsAnswer(text: string, slug: string): WeightsAnswer {
  const answer = parse(text);
  if (!isObject(answer)) throw new BadAnswerError("the answer is not an object");
  if (answer["challenge_slug"] !== slug) throw new BadAnswerError("challenge_slug is not the challenge's slug");
  if (!isObject(answer["weights"])) throw new BadAnswerError("weights is not an object");
  const entries = Object.entries(answer["weights"]);
  if (entries.length > limits.weights.hotkeys_max) {
    throw new BadAnswerError(`weights has more than ${limits.weights.hotkeys_max} hotkeys`);
  }
  for (const [hotkey, weight] of entries) {
    if (hotkey.length > limits.weights.hotkey_chars_max)
      throw new BadAnswerError("weights has a key that is too long for a hotkey");
    if (weight !== null && typeof weight !== "number")
      throw new BadAnswerError("weights has a value that is not a number");
  }
  const kept = entries.filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && Number.isFinite(entry[1]) && entry[1] > 0,
  );
  return { weights: Object.fromEntries(kept), challenge_epoch: epochOf(answer["epoch"]) };
}

/** Python's json writes NaN and Infinity as bare words. They are read as null, which is dropped like them. */
function parse(text: string): unknown {
  const answer = readJson(text) ?? readJson(text.replaceAll(/:\s*(?:NaN|-?Infinity)\s*(?=[,}])/g, ":null"));
  if (answer === undefined) throw new BadAnswerError("the answer is not JSON");
  return answer;
}

function epochOf(epoch: unknown): number | null {
  if (epoch === null || epoch === undefined) return null;
  if (typeof epoch !== "number" || !Number.isSafeInteger(epoch)) throw new BadAnswerError("epoch is not an integer");
  return epoch;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
