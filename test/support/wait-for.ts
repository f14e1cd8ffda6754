/** Calls `look` until it answers something truthy and returns that; throws `deadline` with the last error when `deadline_ms` have passed. */
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
