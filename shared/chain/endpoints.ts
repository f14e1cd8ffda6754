import type { Clock } from "../time/clock.ts";
import { ChainUnreachableError } from "./chain.ts";

/** How long an endpoint that answered 429 or -32005 is left alone (chain §6). */
export const cool_down_ms = 60_000;

/** Endpoints in the operator's order. The current one is used until it fails; the next is the first that is not cooling down. */
export class EndpointRing {
  readonly #endpoints: readonly string[];
  readonly #clock: Clock;
  readonly #cools_until = new Map<string, number>();
  #index = 0;

  constructor(endpoints: readonly string[], clock: Clock) {
    if (endpoints.length === 0) throw new Error("chain endpoints: expected at least one");
    this.#endpoints = endpoints;
    this.#clock = clock;
  }

  get size(): number {
    return this.#endpoints.length;
  }

  /** The endpoint to use now. @throws ChainUnreachableError when all endpoints are cooling down */
  current(): string {
    const now = this.#clock.monotonic();
    for (let step = 0; step < this.#endpoints.length; step++) {
      const index = (this.#index + step) % this.#endpoints.length;
      const endpoint = this.#endpoints[index] ?? "";
      if ((this.#cools_until.get(endpoint) ?? 0) <= now) {
        this.#index = index;
        return endpoint;
      }
    }
    const wait_ms = Math.min(...this.#cools_until.values()) - now;
    throw new ChainUnreachableError(
      `every chain endpoint refuses further calls for now (rate limit); the first takes calls again in ${Math.ceil(wait_ms / 1000)} s`,
    );
  }

  /** Moves on to the next endpoint. An endpoint that limits our rate is left alone for {@link cool_down_ms}. */
  failed(endpoint: string, isRateLimit: boolean): void {
    if (isRateLimit) this.#cools_until.set(endpoint, this.#clock.monotonic() + cool_down_ms);
    if (this.#endpoints[this.#index] === endpoint) this.#index = (this.#index + 1) % this.#endpoints.length;
  }
}
