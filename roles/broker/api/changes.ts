import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";

/** Wakes the requests of this process that wait for a job to change. */
export class Changes {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed(jobId: string): void {
    for (const wake of this.#waiting.get(jobId) ?? []) wake();
  }

  /** Resolves at the job's next change, after `ms`, or when `signal` is aborted, whichever comes first. */
  async next(jobId: string, ms: number, signal?: AbortSignal): Promise<void> {
    const change = new AbortController();
    const wake = () => change.abort();
    const waiting = this.#waiting.get(jobId) ?? new Set();
    waiting.add(wake);
    this.#waiting.set(jobId, waiting);
    await pause(this.#clock, ms, signal ? AbortSignal.any([signal, change.signal]) : change.signal);
    waiting.delete(wake);
    if (waiting.size === 0) this.#waiting.delete(jobId);
  }
}
