/** Wakes those of this process who wait for a job to change. */
export class Changes {
  readonly #waiting = new Map<string, Set<() => void>>();

  changed(jobId: string): void {
    for (const wake of this.#waiting.get(jobId) ?? []) wake();
  }

  /** Resolves at the job's next change, after `ms`, or when `signal` is aborted, whichever comes first. */
  next(jobId: string, ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(jobId) ?? new Set();
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(jobId);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake, { once: true });
      waiting.add(wake);
      this.#waiting.set(jobId, waiting);
    });
  }
}
