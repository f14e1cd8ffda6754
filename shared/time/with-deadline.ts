import type { Clock } from "./clock.ts";

/** A wait that took too long. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Runs `work` with a signal that is aborted after `ms` of the clock, and resolves to its result. Work that ignores the signal
 * is still awaited. The timer ends with the work.
 */
export async function withDeadline<T>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(
    () => late.abort(new DeadlineError(`no end within ${ms} ms`)),
    () => undefined,
  );
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}

/**
 * `promise` with a deadline, for work that takes no signal. Late work goes on, and its result is dropped.
 *
 * @throws DeadlineError naming `what` when `ms` of the clock have passed
 */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>, what: string): Promise<T> {
  return withDeadline(clock, ms, (signal) => {
    const late = new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new DeadlineError(`${what} took longer than ${ms} ms`))),
    );
    return Promise.race([promise, late]);
  });
}
