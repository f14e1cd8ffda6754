/** What happens to a share that nobody earned. `burn` gives it to uid 0, `redistribute` to the earners in proportion. */
export type SharePolicy = "burn" | "redistribute";

export interface ChallengeWeights {
  readonly slug: string;
  /** 0 to 100. When the sum of all is above 100, all are scaled down to 100. */
  readonly emission_percent: number;
  /** The challenge's answer by hotkey. Weights that are not finite or not above zero are ignored. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface WeightVector {
  /** Ascending, without repetition. */
  readonly uids: readonly number[];
  /** Parallel to `uids`, above zero, with the sum 1. */
  readonly weights: readonly number[];
  /** Each earning hotkey's part of the sum. A burnt share belongs to no hotkey. */
  readonly hotkey_weights: Readonly<Record<string, number>>;
}

/** uid 0 belongs to the subnet's owner. It earns nothing and gets the burnt shares. */
const burn_uid = 0;
/** A smaller rest comes from rounding float64 sums and is not a share. */
const rounding_max = 1e-12;

/**
 * One vector of all challenges (contract §5). The order of challenges and hotkeys does not change a bit of the result. When
 * nobody earned anything, everything goes to uid 0.
 */
export function aggregate(
  challenges: readonly ChallengeWeights[],
  uidByHotkey: ReadonlyMap<string, number>,
  policy: SharePolicy,
): WeightVector {
  const earned = sumByHotkey(challenges).filter(([hotkey]) => (uidByHotkey.get(hotkey) ?? burn_uid) !== burn_uid);
  const total = sum(earned.map(([, score]) => score));
  if (!(total > 0)) return { uids: [burn_uid], weights: [1], hotkey_weights: {} };

  const rest = policy === "burn" ? 1 - total : 0;
  const isBurning = rest > rounding_max;
  const scale = isBurning ? 1 : total;
  const weightByHotkey = earned.map(([hotkey, score]) => [hotkey, score / scale] as const).filter(([, w]) => w > 0);
  const weightByUid = new Map<number, number>(isBurning ? [[burn_uid, rest]] : []);
  for (const [hotkey, weight] of weightByHotkey) {
    const uid = uidByHotkey.get(hotkey) ?? burn_uid;
    weightByUid.set(uid, (weightByUid.get(uid) ?? 0) + weight);
  }
  const entries = [...weightByUid].sort(([a], [b]) => a - b);
  return {
    uids: entries.map(([uid]) => uid),
    weights: entries.map(([, weight]) => weight),
    hotkey_weights: Object.fromEntries(weightByHotkey),
  };
}

/** Score of each hotkey, by hotkey; all of them are 1 together when every share was earned. */
function sumByHotkey(challenges: readonly ChallengeWeights[]): readonly (readonly [string, number])[] {
  const sorted = challenges.toSorted((a, b) => compare(a.slug, b.slug));
  const percent = Math.max(100, sum(sorted.map((challenge) => challenge.emission_percent)));
  const scores = new Map<string, number>();
  for (const { emission_percent, weights } of sorted) {
    for (const [hotkey, weight] of normalise(weights)) {
      scores.set(hotkey, (scores.get(hotkey) ?? 0) + (emission_percent / percent) * weight);
    }
  }
  return [...scores].sort(([a], [b]) => compare(a, b));
}

/** The finite weights above zero, scaled to the sum 1. By the largest first: the sum of huge weights would be infinite. */
function normalise(weights: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  const kept = Object.entries(weights)
    .filter(([, weight]) => Number.isFinite(weight) && weight > 0)
    .sort(([a], [b]) => compare(a, b));
  const largest = kept.reduce((max, [, weight]) => Math.max(max, weight), 0);
  const total = sum(kept.map(([, weight]) => weight / largest));
  return kept.map(([hotkey, weight]) => [hotkey, weight / largest / total]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
