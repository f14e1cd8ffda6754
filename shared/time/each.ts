/**
 * Runs `work` on every item, at most `at_once_max` at a time.
 *
 * @returns the results in the order of the items
 * @throws the first error of `work`. No further item is started then, and those under way have ended
 */
export async function each<T, R>(
  items: readonly T[],
  at_once_max: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const left = [...items.entries()];
  const results: R[] = [];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [at, item] = next;
      try {
        results[at] = await work(item);
      } catch (error) {
        left.length = 0;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(at_once_max, left.length) }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results;
}
