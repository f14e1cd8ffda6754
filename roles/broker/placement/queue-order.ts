/**
 * The one order in which queued jobs start. Placement, positions and estimates all use it. A job competes only with jobs of
 * its class. The next job belongs to the challenge that runs the least of that class for its share. Between equals, the
 * longest time since the last start wins. Within a challenge priority decides, then age.
 */
export type NodeClass = "cpu" | "gpu";

/** What a challenge runs, and may run. */
export interface Share {
  /** How many of its jobs have left the queue and not ended, by class. */
  readonly running: Readonly<Record<NodeClass, number>>;
  /** When its last job of each class left the queue, in milliseconds since the Unix epoch; 0: none did. */
  readonly last_start_ms: Readonly<Record<NodeClass, number>>;
  /** How many jobs it may run, both classes together. */
  readonly running_max: number;
  readonly share_weight: number;
}

export interface Queueing {
  readonly id: string;
  readonly challenge: string;
  readonly gpu_count: number;
  readonly priority: number;
  readonly accepted_ms: number;
}

/** A challenge's jobs that wait for nodes of one class. */
export interface Lane {
  readonly challenge: string;
  readonly node_class: NodeClass;
  readonly share: Share;
}

/** A job's turn among all jobs that wait for its class. */
interface Turn {
  /** Its challenge is at `running_max`: the job waits until another job of the challenge ends. */
  readonly isHeld: boolean;
  /** Jobs of the class that its challenge runs for its share, once those before it in the lane have started. */
  readonly load: number;
  readonly last_start_ms: number;
  readonly challenge: string;
}

export function classOf({ gpu_count }: { readonly gpu_count: number }): NodeClass {
  return gpu_count > 0 ? "gpu" : "cpu";
}

/** The value of `of` for each class. */
export function both<T>(of: (node_class: NodeClass) => T): Readonly<Record<NodeClass, T>> {
  return { cpu: of("cpu"), gpu: of("gpu") };
}

/** Compares two jobs of one lane; the one that starts first is less. `store/queue-reads.ts` has the same in SQL. */
export function compareInLane(a: Queueing, b: Queueing): number {
  return b.priority - a.priority || a.accepted_ms - b.accepted_ms || (a.id < b.id ? -1 : 1);
}

/** The turn of the job with `rank` jobs before it in its lane. */
function turnOf({ challenge, node_class, share }: Lane, rank: number): Turn {
  const { running, running_max, share_weight, last_start_ms } = share;
  return {
    challenge,
    isHeld: running.cpu + running.gpu + rank >= running_max,
    load: (running[node_class] + rank) / share_weight,
    last_start_ms: last_start_ms[node_class],
  };
}

function compareTurns(a: Turn, b: Turn): number {
  if (a.isHeld !== b.isHeld) return a.isHeld ? 1 : -1;
  const byUse = a.load - b.load || a.last_start_ms - b.last_start_ms;
  return byUse || (a.challenge < b.challenge ? -1 : a.challenge > b.challenge ? 1 : 0);
}

/** All jobs of known challenges, in the order of their turns. Jobs held by their challenge's maximum come last. */
export function inOrder<J extends Queueing>(queued: readonly J[], shares: ReadonlyMap<string, Share>): J[] {
  const lanes = Map.groupBy(queued, (job) => `${classOf(job)} ${job.challenge}`);
  const turns = [...lanes.values()].flatMap((jobs) =>
    jobs.toSorted(compareInLane).flatMap((job, rank) => {
      const share = shares.get(job.challenge);
      const lane = { challenge: job.challenge, node_class: classOf(job) };
      return share ? [{ job, turn: turnOf({ ...lane, share }, rank) }] : [];
    }),
  );
  return turns.toSorted((a, b) => compareTurns(a.turn, b.turn)).map(({ job }) => job);
}

/** How many of the `queued` jobs of `lane` start before the job with `rank` jobs before it in lane `own`. */
export function countBefore(own: Lane, rank: number, lane: Lane, queued: number): number {
  const turn = turnOf(own, rank);
  let [low, high] = [0, queued];
  // Within a lane, turns only grow.
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareTurns(turnOf(lane, middle), turn) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
