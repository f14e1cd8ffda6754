/** A vector in the chain's form: parallel lists, sorted by uid, values 1..65535. */
export interface ChainVector {
  readonly uids: readonly number[];
  readonly values: readonly number[];
}

/** The vector cannot be expressed on chain; `code` is stable. */
export class WeightsVectorError extends Error {
  override readonly name = "WeightsVectorError";
  readonly code: "lengths" | "uid" | "duplicate_uid" | "weight" | "all_zero";

  constructor(code: WeightsVectorError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

const u16_max = 65_535;

/**
 * Turns weights into the chain's u16 values: `round_half_even(w / max × 65535)`, zeros dropped, sorted by uid (chain §3).
 *
 * @throws WeightsVectorError for lists of different lengths, a uid that is no u16, a repeated uid, a negative or non-finite
 * weight, and when no weight is above zero
 */
export function quantiseWeights(uids: readonly number[], weights: readonly number[]): ChainVector {
  if (uids.length !== weights.length) {
    throw new WeightsVectorError("lengths", `${uids.length} uids but ${weights.length} weights`);
  }
  const weight_by_uid = new Map<number, number>();
  for (const [index, uid] of uids.entries()) {
    const weight = weights[index] ?? Number.NaN;
    if (!Number.isInteger(uid) || uid < 0 || uid > u16_max) throw new WeightsVectorError("uid", `${uid} is not a uid`);
    if (weight_by_uid.has(uid)) throw new WeightsVectorError("duplicate_uid", `uid ${uid} appears twice`);
    if (!Number.isFinite(weight) || weight < 0) {
      throw new WeightsVectorError(
        "weight",
        `the weight of uid ${uid} is ${weight}, expected a finite number of 0 or more`,
      );
    }
    weight_by_uid.set(uid, weight);
  }
  const weight_max = Math.max(0, ...weight_by_uid.values());
  if (weight_max === 0) throw new WeightsVectorError("all_zero", "no weight is above zero");
  const entries = [...weight_by_uid]
    .map(([uid, weight]) => [uid, roundHalfEven((weight / weight_max) * u16_max)] as const)
    .filter(([, value]) => value > 0)
    .sort(([a], [b]) => a - b);
  return { uids: entries.map(([uid]) => uid), values: entries.map(([, value]) => value) };
}

/** Rounds to the nearest integer, halves to the even one, as NumPy does; for values of 0 or more. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5) return floor + 1;
  if (rest < 0.5) return floor;
  return floor % 2 === 0 ? floor : floor + 1;
}

const fraction_bits = 32n;
const half_fraction = 1n << (fraction_bits - 1n);
const upscale_threshold = 32_768;

/**
 * What the runtime stores for `values`: scaled so that the largest becomes 65535, in its fixed-point arithmetic
 * (`vec_u16_max_upscale_to_u16` on I32F32: above 32768 the factor is rounded down first, which can cost 1).
 */
export function upscaleValues(values: readonly number[]): number[] {
  const value_max = Math.max(0, ...values);
  if (value_max === 0) return [...values];
  const full = BigInt(u16_max) << fraction_bits;
  const divisor = BigInt(value_max);
  return values.map((value) => {
    const fixed = value_max > upscale_threshold ? BigInt(value) * (full / divisor) : (BigInt(value) * full) / divisor;
    return Number((fixed + half_fraction) >> fraction_bits);
  });
}
