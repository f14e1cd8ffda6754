/** What happens to a share that nobody earned: to uid 0, or to those who earned theirs, in proportion. */
export type SharePolicy = "burn" | "redistribute";

export interface ChallengeWeights {
  readonly slug: string;
  /** 0 to 100; where all of them exceed 100 together they are scaled down to it. */
  readonly emission_percent: number;
  /** As the challenge answered, by hotkey: what is not finite or not above zero counts for nothing. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface WeightVector {
  /** Rising, no uid twice. */
  readonly uids: readonly number[];
  /** Above zero, parallel to `uids`, their sum 1. */
  readonly weights: readonly number[];
  /** What each earning hotkey has of the 1; a burnt share belongs to none. */
  readonly hotkey_weights: Readonly<Record<string, number>>;
}

/** uid 0 is the subnet owner's: it earns nothing and takes what is burnt. */
const burn_uid = 0;
/** A rest below this is the rounding of float64 sums, not a share. */
const rounding_max = 1e-12;

/**
 * One vector of all challenges (contract §5). The result does not depend on the order of challenges or hotkeys, bit by bit.
 * When nobody earned anything everything goes to uid 0.
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
