import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";

/**
 * Creates of which nobody knows whether they reached the engine. One may take effect late: as long as that can be, the
 * service of its name stays (sealed, if its job is over), so that the late one is a conflict and not a second run.
 */
export class SentCreates {
  readonly #clock: Clock;
  readonly #settled_at_ms = new Map<string, number>();
  /** What a former leader sent is not known at all. */
  readonly #former_settled_at_ms: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#former_settled_at_ms = clock.monotonic() + limits.jobs.intent_ms_max;
  }

  /** Nobody answered: it may have been heard all the same. */
  lostSight(jobId: string): void {
    this.#settled_at_ms.set(jobId, this.#clock.monotonic() + limits.jobs.intent_ms_max);
  }

  /** Whether no create of the job can take effect any more. */
  areSettled(jobId: string): boolean {
    return this.#clock.monotonic() >= Math.max(this.#former_settled_at_ms, this.#settled_at_ms.get(jobId) ?? 0);
  }

  /** Nothing of the job is left to be guarded. */
  forget(jobId: string): void {
    this.#settled_at_ms.delete(jobId);
  }
}
