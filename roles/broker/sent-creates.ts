import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

/**
 * Creates of which nobody knows whether they reached the engine. One may take effect late: as long as that can be, the
 * service of its name stays (sealed, if its job is over), so that the late one is a conflict and not a second run.
 */
export class SentCreates {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();
  /** What a former leader sent is not known at all. */
  readonly #all_until_ms: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all_until_ms = clock.monotonic() + limits.jobs.intent_ms_max;
  }

  lostSight(jobId: string): void {
    this.#until.set(jobId, this.#clock.monotonic() + limits.jobs.intent_ms_max);
  }

  /** Whether no create of the job can take effect any more. */
  areSettled(jobId: string): boolean {
    const now_ms = this.#clock.monotonic();
    if (now_ms < this.#all_until_ms) return false;
    const until_ms = this.#until.get(jobId);
    if (until_ms !== undefined && now_ms < until_ms) return false;
    this.#until.delete(jobId);
    return true;
  }
}
