import type { JobPolicy } from "#shared/schemas/challenge.ts";
import type { PlacedJob } from "../job/job.ts";
import type { Grant } from "../placement/placement.ts";
import { both, classOf, type NodeClass } from "../placement/queue-order.ts";
import type { LastStart } from "../store/queue-reads.ts";

/** By challenge: how many jobs it runs in each class, and what it may use. */
export function leadersGrants(
  policies: ReadonlyMap<string, JobPolicy>,
  active: readonly PlacedJob[],
  lastStarts: readonly LastStart[],
): ReadonlyMap<string, Grant> {
  const running = Map.groupBy(active, ({ challenge }) => challenge);
  const last = Map.groupBy(lastStarts, ({ challenge }) => challenge);
  return new Map(
    [...policies].map(([challenge, { running_max, share_weight, data_volumes }]) => {
      const count = (of: NodeClass) => running.get(challenge)?.filter((job) => classOf(job) === of).length ?? 0;
      const start = (of: NodeClass) => last.get(challenge)?.find(({ node_class }) => node_class === of)?.at_ms ?? 0;
      const use = { running: both(count), last_start_ms: both(start) };
      return [challenge, { ...use, running_max, share_weight, data_volumes }] as const;
    }),
  );
}
