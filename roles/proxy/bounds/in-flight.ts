import { ProblemError } from "#shared/http/problem.ts";

export interface InFlightBounds {
  readonly in_flight_max: number;
  readonly in_flight_per_address_max: number;
  readonly in_flight_per_challenge_max: number;
}

/** The place of one request, from its head to the end of its answer or of its WebSocket. */
export interface Place {
  /**
   * Counts the request, in all and for its client.
   *
   * @throws ProblemError 503 when there are too many, in all or of this client
   */
  enter(): void;
  /**
   * Counts the request for its challenge as well.
   *
   * @throws ProblemError 503 when the challenge has too many
   */
  enterChallenge(slug: string): void;
  /** Counts it no more. A second call does nothing. */
  leave(): void;
}

/** How many requests are in flight: in all, of each client, and to each challenge. */
export class InFlight {
  readonly #bounds: InFlightBounds;
  readonly #byAddress = new Map<string, number>();
  readonly #byChallenge = new Map<string, number>();
  #count = 0;

  constructor(bounds: InFlightBounds) {
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  /** A place that is not taken yet. `address` is null for a trusted proxy, which stands for many clients. */
  placeOf(address: string | null): Place {
    const { in_flight_max, in_flight_per_address_max, in_flight_per_challenge_max } = this.#bounds;
    const leaving: (() => void)[] = [];
    const enter = (counts: Map<string, number>, key: string) => {
      counts.set(key, countOf(counts, key) + 1);
      leaving.push(() => subtract(counts, key));
    };
    return {
      enter: () => {
        if (this.#count >= in_flight_max) throw busy("door_busy", "Too many requests are under way; try again.");
        if (address !== null && countOf(this.#byAddress, address) >= in_flight_per_address_max) {
          throw busy("client_busy", "Too many of your requests are under way; try again.");
        }
        this.#count += 1;
        leaving.push(() => {
          this.#count -= 1;
        });
        if (address !== null) enter(this.#byAddress, address);
      },
      enterChallenge: (slug) => {
        if (countOf(this.#byChallenge, slug) >= in_flight_per_challenge_max) {
          throw busy("challenge_busy", "Too many requests to this challenge are under way; try again.");
        }
        enter(this.#byChallenge, slug);
      },
      leave: () => {
        for (const act of leaving.splice(0)) act();
      },
    };
  }
}

function countOf(counts: ReadonlyMap<string, number>, key: string): number {
  return counts.get(key) ?? 0;
}

function subtract(counts: Map<string, number>, key: string): void {
  const count = countOf(counts, key) - 1;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function busy(code: string, detail: string): ProblemError {
  return new ProblemError(503, code, detail, { headers: { "retry-after": "1" } });
}
