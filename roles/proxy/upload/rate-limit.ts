import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/** So many acts a minute for each key, saved up to one minute's worth; 0 is no limit. */
export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #per_minute: number;
  readonly #clock: Clock;

  constructor(per_minute: number, clock: Clock) {
    this.#per_minute = per_minute;
    this.#clock = clock;
  }

  /** @throws ProblemError 429 when `key` has used up its rate */
  take(key: string): void {
    if (this.#per_minute === 0) return;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: this.#per_minute, at: now };
    const tokens = Math.min(this.#per_minute, bucket.tokens + ((now - bucket.at) * this.#per_minute) / 60_000);
    // Last used, last in the map: the oldest is forgotten first.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > limits.proxy.rate_keys_max) this.#forgetOldest();
    if (tokens < 1) throw tooMany(Math.ceil(((1 - tokens) * 60) / this.#per_minute));
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) return void this.#buckets.delete(key);
  }
}

function tooMany(seconds: number): ProblemError {
  const headers = { "retry-after": String(Math.max(1, seconds)) };
  return new ProblemError(429, "rate_limited", "Too many submissions; try again later.", { headers });
}
