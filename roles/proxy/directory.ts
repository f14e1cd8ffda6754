import type { Challenges } from "#shared/database/tables/challenges.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Entry {
  /** By the monotonic clock. */
  readonly until_ms: number;
  readonly found: Promise<Challenge | null>;
}

/** The active challenges by slug or name. What the registry answered, "none" too, is used for 1 s. */
export class Directory {
  readonly #entries = new Map<string, Entry>();
  readonly #challenges: Pick<Challenges, "byNameOrSlug">;
  readonly #clock: Clock;

  constructor(challenges: Pick<Challenges, "byNameOrSlug">, clock: Clock) {
    this.#challenges = challenges;
    this.#clock = clock;
  }

  /**
   * The challenge that a segment of a path names. The segment is percent-encoded, as it was sent.
   *
   * @throws ProblemError 404 when there is none or more than one, and when it is not active
   */
  async activeChallenge(segment: string): Promise<Challenge> {
    const name = decoded(segment);
    const challenge = name === null ? null : await this.#find(name);
    if (challenge?.status !== "active") throw new ProblemError(404, "challenge_not_found", "Challenge not found");
    return challenge;
  }

  #find(name: string): Promise<Challenge | null> {
    const now_ms = this.#clock.monotonic();
    const known = this.#entries.get(name);
    if (known && known.until_ms > now_ms) return known.found;
    const found = this.#challenges.byNameOrSlug(name);
    found.catch(() => this.#entries.delete(name));
    if (this.#entries.size >= limits.proxy.registry_cache_entries_max) this.#entries.clear();
    this.#entries.set(name, { until_ms: now_ms + limits.proxy.registry_cache_ms_max, found });
    return found;
  }
}

/** The segment's text. Null when it can be no challenge's name: it is no UTF-8, has a NUL, or is too long. */
function decoded(segment: string): string | null {
  try {
    const name = decodeURIComponent(segment);
    return name.includes("\0") || name.length > limits.challenge.name_chars_max ? null : name;
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return null;
  }
}
