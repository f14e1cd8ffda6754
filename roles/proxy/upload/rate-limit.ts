import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Bucket {
  tokens: number;
  /** When `tokens` was true, by the monotonic clock. */
  at_ms: number;
}

/** A number of acts a minute for each key. What a key does not use is saved, up to one minute's worth. 0 is no limit. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #acts_per_minute: number;
  readonly #clock: Clock;

  constructor(acts_per_minute: number, clock: Clock) {
    this.#acts_per_minute = acts_per_minute;
    this.#clock = clock;
  }

  /** @throws ProblemError 429 when `key` has used up its rate */
  take(key: string): void {
    if (this.#acts_per_minute === 0) return;
    const tokens = this.#tokensOf(key);
    // The key used last stands last in the map, so the first one is forgotten.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at_ms: this.#clock.monotonic() });
    if (this.#buckets.size > limits.proxy.rate_keys_max) this.#forgetOldest();
    if (tokens < 1) throw this.#tooMany(tokens);
  }

  /**
   * The same without using up any of the rate: for a `key` that is claimed and not yet proven.
   *
   * @throws ProblemError 429
   */
  check(key: string): void {
    if (this.#acts_per_minute === 0) return;
    const tokens = this.#tokensOf(key);
    if (tokens < 1) throw this.#tooMany(tokens);
  }

  #tokensOf(key: string): number {
    const bucket = this.#buckets.get(key);
    if (!bucket) return this.#acts_per_minute;
    const saved = ((this.#clock.monotonic() - bucket.at_ms) * this.#acts_per_minute) / 60_000;
    return Math.min(this.#acts_per_minute, bucket.tokens + saved);
  }

  #tooMany(tokens: number): ProblemError {
    const seconds = Math.ceil(((1 - tokens) * 60) / this.#acts_per_minute);
    const headers = { "retry-after": String(Math.max(1, seconds)) };
    return new ProblemError(429, "rate_limited", "Too many submissions; try again later.", { headers });
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) return void this.#buckets.delete(key);
  }
}
