import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Grant, type NodeCapacity, place, type QueuedJob } from "../../../../roles/broker/placement/placement.ts";
import { countBefore, type NodeClass } from "../../../../roles/broker/placement/queue-order.ts";

const slugs = ["a", "b", "c"];

function nodeOf(node_class: NodeClass, slots: number): NodeCapacity {
  const most = { cpus: slots, memory_bytes: 1e9, gpu_count: node_class === "gpu" ? slots : 0 };
  return { node_id: node_class, hostname: node_class, node_class, ...most, data_volumes: new Set() };
}
const plenty = [nodeOf("cpu", 1_000), nodeOf("gpu", 1_000)];

const share = (changes: Partial<Grant> = {}): Grant => ({
  running: { cpu: 0, gpu: 0 },
  last_start_ms: { cpu: 0, gpu: 0 },
  running_max: 1_000,
  share_weight: 1,
  data_volumes: [],
  ...changes,
});

const counts = (max: number) => fc.record({ cpu: fc.nat(max), gpu: fc.nat(max) });
const grants = (running_max: fc.Arbitrary<number>) =>
  fc
    .tuple(
      ...slugs.map(() =>
        fc.record({
          running: counts(4),
          last_start_ms: counts(3),
          running_max,
          share_weight: fc.constantFrom(0.5, 1, 2, 3),
          data_volumes: fc.constant([] as string[]),
        }),
      ),
    )
    .map((all) => new Map(slugs.map((slug, at) => [slug, all[at] ?? share()])));

/** Ids are random and times collide. The id decides between jobs of the same moment. */
const queue = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 4, maxLength: 4, unit: fc.constantFrom(..."0123456789abcdef") }),
    challenge: fc.constantFrom(...slugs),
    priority: fc.integer({ min: -1, max: 1 }),
    accepted_ms: fc.nat(2),
    cpus: fc.constant(1),
    memory_bytes: fc.constant(1),
    gpu_count: fc.constantFrom(0, 0, 1),
  }),
  { selector: ({ id }) => id, maxLength: 40 },
);

/** The ids of a class, sorted by the position that each job is told. */
function byPosition(queued: readonly QueuedJob[], shares: ReadonlyMap<string, Grant>, node_class: NodeClass): string[] {
  const ofClass = queued.filter(({ gpu_count }) => gpu_count > 0 === (node_class === "gpu"));
  const laneOf = (challenge: string) => ({
    challenge,
    node_class,
    share: shares.get(challenge) ?? share(),
  });
  const queuedOf = (challenge: string) => ofClass.filter((job) => job.challenge === challenge).length;
  const isBefore = (a: QueuedJob, b: QueuedJob) =>
    a.challenge === b.challenge &&
    (a.priority > b.priority ||
      (a.priority === b.priority &&
        (a.accepted_ms < b.accepted_ms || (a.accepted_ms === b.accepted_ms && a.id < b.id))));
  const places = ofClass.map((job) => {
    const rank = ofClass.filter((other) => isBefore(other, job)).length;
    const ahead = slugs
      .filter((slug) => slug !== job.challenge)
      .map((slug) => countBefore(laneOf(job.challenge), rank, laneOf(slug), queuedOf(slug)));
    return { id: job.id, position: ahead.reduce((sum, count) => sum + count, rank) + 1 };
  });
  expect(places.map(({ position }) => position).toSorted((a, b) => a - b)).toEqual(ofClass.map((_, at) => at + 1));
  return places.toSorted((a, b) => a.position - b.position).map(({ id }) => id);
}

describe("the positions of a queue", () => {
  const placedOf = (placed: ReturnType<typeof place>, node_class: NodeClass) =>
    placed.filter(({ node }) => node.node_id === node_class).map(({ id }) => id);

  test("are exactly the order in which placement takes it", () => {
    fc.assert(
      fc.property(queue, grants(fc.constant(1_000)), (queued, shares) => {
        const placed = place(queued, shares, plenty);
        for (const node_class of ["cpu", "gpu"] as const)
          expect(byPosition(queued, shares, node_class)).toEqual(placedOf(placed, node_class));
      }),
      { numRuns: 500 },
    );
  });

  test("begin with what placement takes where challenges may run only so many", () => {
    fc.assert(
      fc.property(queue, grants(fc.nat(12)), (all, shares) => {
        const queued = all.filter(({ gpu_count }) => gpu_count === 0);
        const placed = placedOf(place(queued, shares, plenty), "cpu");
        expect(byPosition(queued, shares, "cpu").slice(0, placed.length)).toEqual(placed);
      }),
      { numRuns: 500 },
    );
  });

  test("begin with what placement takes where there is room for a few", () => {
    fc.assert(
      fc.property(queue, grants(fc.constant(1_000)), fc.nat(10), (all, shares, slots) => {
        const queued = all.filter(({ gpu_count }) => gpu_count === 0);
        const placed = placedOf(place(queued, shares, [nodeOf("cpu", slots)]), "cpu");
        expect(byPosition(queued, shares, "cpu").slice(0, slots)).toEqual(placed);
      }),
    );
  });
});

describe("challenges that compete", () => {
  /** Which challenges get a single place that becomes free repeatedly. */
  function turns(weights: Readonly<Record<string, number>>, slots: number, starts: number): Record<string, number> {
    const running: string[] = [];
    const count: Record<string, number> = Object.fromEntries(Object.keys(weights).map((slug) => [slug, 0]));
    const last: Record<string, number> = {};
    for (let at = 1; at <= starts; at += 1) {
      if (running.length === slots) running.shift();
      const shares = new Map(
        Object.entries(weights).map(([slug, share_weight]) => {
          const cpu = running.filter((one) => one === slug).length;
          return [
            slug,
            share({ share_weight, running: { cpu, gpu: 0 }, last_start_ms: { cpu: last[slug] ?? 0, gpu: 0 } }),
          ];
        }),
      );
      const queued = Object.keys(weights).map((challenge) => ({
        id: `${at}${challenge}`,
        challenge,
        priority: 0,
        accepted_ms: 0,
        cpus: 1,
        memory_bytes: 1,
        gpu_count: 0,
      }));
      const [first] = place(queued, shares, [nodeOf("cpu", 1)]);
      const slug = first?.id.at(-1) ?? "";
      running.push(slug);
      count[slug] = (count[slug] ?? 0) + 1;
      last[slug] = at;
    }
    return count;
  }

  test("take turns at a single place", () => {
    expect(turns({ a: 1, b: 1, c: 1 }, 1, 30)).toEqual({ a: 10, b: 10, c: 10 });
  });
  test("share places by their weights", () => {
    expect(turns({ a: 3, b: 1 }, 4, 400)).toEqual({ a: 300, b: 100 });
  });
  test("wait no longer for GPUs because they run CPU jobs", () => {
    const job = (id: string, challenge: string) =>
      ({ id, challenge, priority: 0, accepted_ms: 0, cpus: 1, memory_bytes: 1, gpu_count: 1 }) as const;
    const shares = new Map([
      ["a", share({ running: { cpu: 9, gpu: 0 }, last_start_ms: { cpu: 9, gpu: 1 } })],
      ["b", share({ running: { cpu: 0, gpu: 1 } })],
    ]);
    const placed = place([job("1", "b"), job("2", "a")], shares, [nodeOf("gpu", 1)]);
    expect(placed.map(({ id }) => id)).toEqual(["2"]);
  });
});
