import type { Clock } from "./clock.ts";

/** Runs `work` with a signal that is aborted when `ms` of the clock have passed; the timer ends with the work. */
export async function withDeadline<T>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  void clock.sleep(ms, done.signal).then(
    () => late.abort(new Error(`no end within ${ms} ms`)),
    () => undefined,
  );
  try {
    return await work(late.signal);
  } finally {
    done.abort();
  }
}
