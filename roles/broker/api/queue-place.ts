import type { JobPolicy } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Policies } from "../admission/policies.ts";
import type { JobIn } from "../job/job.ts";
import type { QueuePlace } from "../job/resource.ts";
import { both, classOf, countBefore, type Lane, type NodeClass } from "../placement/queue-order.ts";
import type { LaneUse, QueueReads } from "../store/queue-reads.ts";

export interface QueueWorld {
  readonly store: Pick<QueueReads, "rank" | "uses" | "countQueued" | "pace">;
  readonly clock: Pick<Clock, "now">;
  readonly policies: Policies;
}

const { queue_position_max, pace_ms } = limits.jobs;

/**
 * A queued job's position among all challenges' jobs of its class, and the estimated wait at the pace of recent starts.
 * Positions end at `queue_position_max`: a job further back is told this number.
 */
export async function queuePlace({ store, clock, policies }: QueueWorld, job: JobIn<"queued">): Promise<QueuePlace> {
  const node_class = classOf(job);
  const [now_ms, known] = [clock.now(), await policies()];
  const [rank, uses, { started, since_ms }] = await Promise.all([
    store.rank(job),
    store.uses([...known.keys()]),
    store.pace(node_class, now_ms - pace_ms),
  ]);
  const lanes = [...known].map(([challenge, policy]) => laneOf(challenge, policy, node_class, uses));
  const own = lanes.find(({ challenge }) => challenge === job.challenge);
  const ahead = own && rank < queue_position_max ? await aheadInOthers(store, lanes, own, rank) : 0;
  const position = own ? Math.min(rank + ahead + 1, queue_position_max) : queue_position_max;
  const estimate_seconds = started === 0 ? null : Math.ceil((position * (now_ms - since_ms)) / started / 1_000);
  return { position, estimate_seconds };
}

/** How many jobs of other challenges start before it. Each lane is counted no further than needed. */
async function aheadInOthers(
  store: Pick<QueueReads, "countQueued">,
  lanes: readonly Lane[],
  own: Lane,
  rank: number,
): Promise<number> {
  const counts = lanes.flatMap((lane) => {
    const most = lane === own ? 0 : countBefore(own, rank, lane, queue_position_max);
    return most > 0 ? [{ challenge: lane.challenge, most }] : [];
  });
  return counts.length > 0 ? await store.countQueued(counts, own.node_class) : 0;
}

function laneOf(
  challenge: string,
  { running_max, share_weight }: JobPolicy,
  node_class: NodeClass,
  uses: readonly LaneUse[],
): Lane {
  const useOf = (of: NodeClass) => uses.find((use) => use.challenge === challenge && use.node_class === of);
  const running = both((of) => useOf(of)?.running ?? 0);
  const last_start_ms = both((of) => useOf(of)?.at_ms ?? 0);
  return { challenge, node_class, share: { running, last_start_ms, running_max, share_weight } };
}
