import type { ProblemError } from "#shared/http/problem.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Use {
  count: number;
  readonly read_ms: number;
}

const fresh_ms = 2_000;

/**
 * How much of something each challenge has: read now and then, and what this process added since. Counting it anew for
 * every job would cost the more the more there is. What went away is seen a moment late, but nothing is refused before
 * it was read again.
 */
export class Tally {
  readonly #read: (challenge: string) => Promise<number>;
  readonly #clock: Clock;
  readonly #uses = new Map<string, Use>();

  constructor(read: (challenge: string) => Promise<number>, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Counts `added` in. @throws what `refusal` gives where there would be more than `max` */
  async take(challenge: string, added: number, max: number, refusal: () => ProblemError): Promise<void> {
    let use = this.#uses.get(challenge);
    if (!use || this.#clock.monotonic() - use.read_ms > fresh_ms || use.count + added > max) {
      use = { count: await this.#read(challenge), read_ms: this.#clock.monotonic() };
      this.#uses.set(challenge, use);
    }
    if (use.count + added > max) throw refusal();
    use.count += added;
  }
}
