import type { ProblemError } from "#shared/http/problem.ts";
import type { Clock } from "#shared/time/clock.ts";

interface Use {
  count: number;
  readonly read_ms: number;
}

type Read = (challenge: string) => Promise<number>;

const fresh_ms = 2_000;

/**
 * How much of something each challenge has. The count is read at most every 2 s, and what this process adds meanwhile
 * is counted in. So the cost of a job does not grow with the count. Before anything is refused, the count is read again.
 */
export class Tally {
  readonly #read: Read;
  readonly #clock: Clock;
  readonly #uses = new Map<string, Use>();
  readonly #readings = new Map<string, Promise<Use>>();
  readonly #passing = new Map<string, number>();

  constructor(read: Read, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** Counts `added` in. @throws ProblemError, the one of `refusal`, when there would be more than `max` */
  async take(challenge: string, added: number, max: number, refusal: () => ProblemError): Promise<void> {
    const known = this.#uses.get(challenge);
    const isStale = !known || this.#clock.monotonic() - known.read_ms > fresh_ms;
    const use = isStale || known.count + added > max ? await this.#fresh(challenge) : known;
    if (use.count + added > max) throw refusal();
    use.count += added;
  }

  /**
   * Yields `source`. All unfinished sources of a challenge together may yield `max`, so uploads that are not counted yet
   * cannot fill the disk.
   *
   * @throws ProblemError, the one of `refusal`, beyond `max`
   */
  async *passing(
    challenge: string,
    source: AsyncIterable<Uint8Array>,
    max: number,
    refusal: () => ProblemError,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let passed = 0;
    const add = (amount: number) => {
      const sum = (this.#passing.get(challenge) ?? 0) + amount;
      if (sum > 0) this.#passing.set(challenge, sum);
      else this.#passing.delete(challenge);
      return sum;
    };
    try {
      for await (const piece of source) {
        passed += piece.length;
        if (add(piece.length) > max) throw refusal();
        yield piece;
      }
    } finally {
      add(-passed);
    }
  }

  /** Reads the count. All who ask during one read share its answer, and each is added to it. */
  #fresh(challenge: string): Promise<Use> {
    const reading =
      this.#readings.get(challenge) ??
      this.#read(challenge)
        .then((count) => {
          const use = { count, read_ms: this.#clock.monotonic() };
          this.#uses.set(challenge, use);
          return use;
        })
        .finally(() => this.#readings.delete(challenge));
    this.#readings.set(challenge, reading);
    return reading;
  }
}
