import type { Clock } from "./clock.ts";

/** A wait that took too long. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/**
 * Runs `work` with a signal that is aborted when `ms` of the clock have passed, and answers what it answers: work that does
 * not heed the signal is waited for. The timer ends with the work.
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
 * `promise`, for what knows no signal: it goes on unheard when it is late.
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
