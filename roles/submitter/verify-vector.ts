import { type Static, Type } from "@sinclair/typebox";
import { limits } from "#shared/schemas/limits.ts";
import { PublishedVector } from "#shared/schemas/weights.ts";
import type { Clock } from "#shared/time/clock.ts";
import { verifySeal } from "#shared/weights/seal.ts";

/** The members that decide what is set on chain. The other members explain them and are not read. */
export const Vector = Type.Pick(PublishedVector, [
  "netuid",
  "epoch",
  "uids",
  "weights",
  "computed_at",
  "expires_at",
  "digest",
  "signature",
  "public_key",
]);
export type Vector = Static<typeof Vector>;

/** The vector must not be used. `code` is stable. */
export class VectorError extends Error {
  override readonly name = "VectorError";
  readonly code:
    | "unavailable"
    | "malformed"
    | "wrong_netuid"
    | "weights"
    | "expired"
    | "from_the_future"
    | "older_epoch"
    | "seal";

  constructor(code: VectorError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const sum_tolerance = 1e-6;

/** What a vector is held against. */
export interface VectorTerms {
  readonly netuid: number;
  /** The platform's public key; undefined: any consistent seal is accepted. */
  readonly public_key: string | undefined;
  readonly clock: Clock;
}

/** Checks netuid, seal, weights and times. @throws VectorError for the first that is wrong */
export function verifyVector(vector: Vector, { netuid, public_key, clock }: VectorTerms): void {
  if (vector.netuid !== netuid)
    throw new VectorError("wrong_netuid", `the vector is for subnet ${vector.netuid}, not ${netuid}`);
  const problem = verifySeal(vector, public_key);
  if (problem !== null) throw new VectorError("seal", `the vector's seal does not hold: ${problem}`);
  const sum = vector.weights.reduce((total, weight) => total + weight, 0);
  if (vector.weights.some((weight) => !(weight >= 0)) || Math.abs(sum - 1) > sum_tolerance) {
    throw new VectorError("weights", `the weights must be 0 or more and add up to 1, but their sum is ${sum}`);
  }
  if (vector.uids.length !== vector.weights.length)
    throw new VectorError("weights", "uids and weights differ in length");
  const now_ms = clock.now();
  if (Date.parse(vector.expires_at) <= now_ms)
    throw new VectorError("expired", `the vector expired at ${vector.expires_at}`);
  if (Date.parse(vector.computed_at) > now_ms + limits.chain.vector_clock_skew_ms_max) {
    throw new VectorError("from_the_future", `the vector was computed at ${vector.computed_at}: is a clock wrong?`);
  }
}
