/** Calls `look` until its result is truthy. @returns that result @throws Error after `deadline_ms`, with the last error as cause */
export async function waitFor<T>(
  look: () => T | Promise<T>,
  { deadline_ms = 10_000, every_ms = 25, what = "condition" } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + deadline_ms;
  let cause: unknown;
  while (performance.now() < end) {
    try {
      const seen = await look();
      if (seen) return seen;
    } catch (error) {
      cause = error;
    }
    await Bun.sleep(every_ms);
  }
  throw new Error(`deadline: ${what} did not hold within ${deadline_ms} ms`, { cause });
}
