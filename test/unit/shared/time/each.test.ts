import { expect, test } from "bun:test";
import fc from "fast-check";
import { each } from "#shared/time/each.ts";

/** Ends in an order of its own: after so many turns of the loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

test("every item is worked on once, never more at a time than allowed, and the results keep the order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 5 }), async (items, at_once_max) => {
      let running = 0;
      let most = 0;
      const results = await each(items, at_once_max, async (count) => {
        running += 1;
        most = Math.max(most, running);
        await turns(count);
        running -= 1;
        return count;
      });
      expect(results).toEqual(items);
      expect(most).toBeLessThanOrEqual(at_once_max);
      expect(most).toBe(Math.min(items.length, at_once_max));
    }),
  );
});

test("after a failure nothing is started, and it is thrown when those under way have ended", async () => {
  const started: number[] = [];
  let hasEnded = false;
  const running = each([0, 1, 2, 3], 2, async (item) => {
    started.push(item);
    if (item === 0) throw new Error("no");
    await turns(10);
    hasEnded = true;
  });
  await expect(running).rejects.toThrow("no");
  expect(started).toEqual([0, 1]);
  expect(hasEnded).toBe(true);
});
