/**
 * The order in which queued jobs start, once for all who ask: placement takes them in it, and a job's position and its
 * estimate are counted in it. Jobs compete with those of their class alone. Among challenges the one that has the least of
 * that class for its share comes next, of equal ones the one whose last start is longest ago; among a challenge's own jobs
 * priority decides, then age.
 */
export type NodeClass = "cpu" | "gpu";

/** What a challenge has, and may have. */
export interface Share {
  /** Its jobs that have left the queue and not ended, by class. */
  readonly running: Readonly<Record<NodeClass, number>>;
  /** When the last of them left the queue, by class, in milliseconds since the Unix epoch; 0 where none did. */
  readonly last_start_ms: Readonly<Record<NodeClass, number>>;
  /** How many there may be, of both classes together. */
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

/** When a job's turn comes, among all that wait for its class. */
interface Turn {
  /** Its challenge would run more than it may: it waits for the challenge's own jobs to end. */
  readonly isHeld: boolean;
  /** What its challenge has of the class for its share, once those before it in the lane have started. */
  readonly load: number;
  readonly last_start_ms: number;
  readonly challenge: string;
}

export function classOf({ gpu_count }: { readonly gpu_count: number }): NodeClass {
  return gpu_count > 0 ? "gpu" : "cpu";
}

/** The same of each class. */
export function both<T>(of: (node_class: NodeClass) => T): Readonly<Record<NodeClass, T>> {
  return { cpu: of("cpu"), gpu: of("gpu") };
}

/** Two jobs of one lane: the first to start is less. `store/queue-reads.ts` has the same in SQL. */
export function compareInLane(a: Queueing, b: Queueing): number {
  return b.priority - a.priority || a.accepted_ms - b.accepted_ms || (a.id < b.id ? -1 : 1);
}

/** The turn of the job that has `rank` others of its lane before it. */
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

/** All jobs whose challenge is known, as their turns come; those that wait for their own challenge's jobs come last. */
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

/** How many of `lane`, had it `queued` jobs, start before the job that has `rank` others of `own` before it. */
export function countBefore(own: Lane, rank: number, lane: Lane, queued: number): number {
  const turn = turnOf(own, rank);
  let [low, high] = [0, queued];
  // Turns of a lane only grow.
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareTurns(turnOf(lane, middle), turn) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
