import { LeadLostError } from "#shared/database/lead.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobFleet } from "#shared/swarm/labels.ts";
import { jobName, stagerName } from "#shared/swarm/names.ts";
import { type ClockOffset, clock_step_ms_min, clockOffset } from "#shared/time/clock-offset.ts";
import { each } from "#shared/time/each.ts";
import { removeLeftovers } from "../cleanup/unknown-services.ts";
import { removeServices, Sweeper } from "../cleanup/volumes.ts";
import type { EndedJob, Job, JobIn, LiveJob, PlacedJob } from "../job/job.ts";
import { decide, type Terms } from "../lifecycle/decide.ts";
import { Finisher } from "../lifecycle/finisher.ts";
import { JobMemories, remember } from "../lifecycle/memory.ts";
import { Performer } from "../lifecycle/perform.ts";
import type { DispatchWorld, Sight } from "../lifecycle/world.ts";
import { FullNodes } from "../placement/full-nodes.ts";
import { NodeWatch } from "../placement/lost-nodes.ts";
import {
  classCapacities,
  freeCapacities,
  type Grant,
  isAvailable,
  place,
  type QueuedJob,
} from "../placement/placement.ts";
import type { Lease } from "../store/dispatch-store.ts";
import { idsOf, TasksView } from "../swarm/tasks-view.ts";
import { leadersGrants } from "./grants.ts";
import type { Pace } from "./pace.ts";
import { sealWhatIsOver } from "./takeover.ts";

const parallel_max = 16;

/** What one tick read from the database. */
interface Records {
  readonly active: readonly PlacedJob[];
  readonly overdue: readonly JobIn<"queued">[];
  readonly unremoved: readonly EndedJob[];
  readonly unswept: readonly EndedJob[];
  readonly waiting: readonly QueuedJob[];
  readonly leases: readonly Lease[];
  readonly closing: ReadonlyMap<string, number>;
  readonly grants: ReadonlyMap<string, Grant>;
}

/** One leader's work. Each tick looks at jobs and Swarm, and takes every job one step further. */
export class Dispatcher {
  readonly #world: DispatchWorld;
  readonly #memories: JobMemories;
  readonly #finisher: Finisher;
  readonly #performer: Performer;
  readonly #terms: Terms;
  readonly #sweeper: Sweeper;
  readonly #nodes: NodeWatch;
  /** Names of unwanted stager services that the last tick saw. */
  #unwanted = new Set<string>();
  readonly #fullNodes: FullNodes;
  #followed: ClockOffset | null = null;
  #isTakenOver = false;
  #tidy_ms = 0;
  #looked_ms = Number.NEGATIVE_INFINITY;
  #busy_ms: number;
  last_tick_ms: number;

  constructor(world: DispatchWorld) {
    this.#world = world;
    this.#fullNodes = new FullNodes(world.clock);
    this.#memories = new JobMemories(world.clock);
    this.#finisher = new Finisher(world);
    this.#performer = new Performer(world, this.#finisher, this.#fullNodes);
    const { fencing, settings, clock } = world;
    this.#terms = { fencing, led_since_ms: clock.monotonic(), times: settings };
    this.#sweeper = new Sweeper(world);
    this.#nodes = new NodeWatch(settings.node_lost_ms);
    this.last_tick_ms = clock.monotonic();
    this.#tidy_ms = this.last_tick_ms + limits.jobs.dispatch.tidy_ms;
    this.#busy_ms = this.last_tick_ms;
  }

  async tick(): Promise<Pace> {
    await this.#followClock();
    const records = await this.#read();
    if (!this.#isTakenOver) await sealWhatIsOver(this.#world, records.active);
    this.#isTakenOver = true;
    const pace = await this.#act(records);
    await this.#tidy(records);
    this.last_tick_ms = this.#world.clock.monotonic();
    return pace;
  }

  /** Moves the jobs' times along when the wall clock was set. Otherwise deadlines would pass too early or too late. */
  async #followClock(): Promise<void> {
    const { store, clock, log } = this.#world;
    const offset = clockOffset(clock);
    const known = this.#followed;
    if (known && Math.abs(offset.clock_offset_ms - known.clock_offset_ms) < clock_step_ms_min) return;
    const moved = await store.followClock(offset);
    if (moved > 0)
      log.warn({ moved, ...offset }, "the wall clock was set; moved the times of live jobs and worker orders along");
    this.#followed = offset;
  }

  /** Waits for the work that runs beside the ticks. */
  async settle(): Promise<void> {
    await this.#finisher.settle();
  }

  async #read(): Promise<Records> {
    const { store, clock, policies, settings } = this.#world;
    const now_ms = clock.now();
    const known = await policies();
    const challenges = [...known.keys()];
    const [active, overdue, unremoved, unswept, waiting, lastStarts, leases, closing] = await Promise.all([
      store.active(),
      store.overdue(now_ms),
      store.unremoved(),
      store.unswept(now_ms - settings.volume_ms),
      store.waiting(challenges, now_ms),
      store.lastStarts(challenges),
      store.leases(),
      store.closing(),
    ]);
    const grants = leadersGrants(known, active, lastStarts);
    return { active, overdue, unremoved, unswept, waiting, leases, closing, grants };
  }

  async #act(records: Records): Promise<Pace> {
    const { active, overdue, unremoved, unswept, waiting, leases } = records;
    const { clock } = this.#world;
    const known = active.length + overdue.length + unremoved.length + unswept.length + waiting.length;
    const isNothing = known === 0 && !this.#sweeper.isSweeping;
    const now_ms = clock.monotonic();
    if (!isNothing) this.#busy_ms = now_ms;
    // What was asked for may come late, when nothing is known of it any more.
    const isQuiet = now_ms - this.#busy_ms > limits.jobs.intent_ms_max;
    if (isQuiet && now_ms - this.#looked_ms < limits.jobs.dispatch.idle_look_ms) return "idle";
    this.#looked_ms = now_ms;
    const sight = await this.#look(records);
    const placed = await this.#place(waiting, leases, sight);
    await this.#each([...overdue, ...active, ...placed], (job) => this.#advance(job, sight));
    await this.#removeOrphans([...active, ...placed, ...unremoved], sight);
    await this.#each(unremoved, (job) => this.#remove(job, sight));
    await this.#sweeper.sweep(unswept, new Set(leases.flatMap(({ is_hold, job }) => (is_hold ? job : []))), sight);
    const isChanging = active.some(({ state }) => state !== "running") || overdue.length + unremoved.length > 0;
    if (isChanging || placed.length > 0 || this.#unwanted.size > 0) return "soon";
    return isNothing ? "idle" : "watching";
  }

  async #advance(job: LiveJob, sight: Sight): Promise<void> {
    const memory = this.#memories.of(job.id);
    remember(memory, job, sight);
    await this.#performer.perform(job, memory, decide(job, sight, memory, this.#terms));
  }

  /** Removes an ended job's service once no create of that name can arrive any more, and forgets the job. */
  async #remove(job: EndedJob, sight: Sight): Promise<void> {
    const { creates_settled_ms } = this.#memories.of(job.id);
    if (job.node_id !== null && this.#world.clock.monotonic() < creates_settled_ms) return;
    if (!(await removeServices(this.#world, job, sight))) return;
    this.#memories.forget(job.id);
    this.#finisher.follows.forget(job.id);
  }

  async #tidy({ active, unremoved }: Records): Promise<void> {
    const { clock } = this.#world;
    if (clock.monotonic() < this.#tidy_ms) return;
    this.#tidy_ms = clock.monotonic() + limits.jobs.dispatch.tidy_ms;
    // The records lack the jobs that this tick placed, so the active jobs are read again.
    await removeLeftovers(this.#world, [...active, ...unremoved, ...(await this.#world.store.active())]);
  }

  async #look({ active, leases, closing, grants }: Records): Promise<Sight> {
    const { engine, clock } = this.#world;
    const [tasks, nodeList] = await Promise.all([engine.tasks(jobFleet), engine.nodes()]);
    const nodes = new Map(nodeList.map((node) => [node.ID, node]));
    const used = new Set([...active.flatMap(({ node_id }) => node_id ?? []), ...leases.map(({ node_id }) => node_id)]);
    for (const id of used) this.#finisher.follows.seeNode(id, nodes.get(id)?.Status.State === "ready");
    const monotonic_ms = clock.monotonic();
    const lostNodes = this.#nodes.see(nodes, used, monotonic_ms);
    const view = { tasks: new TasksView(tasks), nodes, lostNodes, disks_full_ms: this.#fullNodes.seen_ms };
    return { now_ms: clock.now(), monotonic_ms, ...view, grants, closing };
  }

  async #place(waiting: readonly QueuedJob[], leases: readonly Lease[], sight: Sight): Promise<PlacedJob[]> {
    if (waiting.length === 0) return [];
    const { store, settings, changed } = this.#world;
    const nodes = [...sight.nodes.values()].filter(
      (node) => isAvailable(node) && !sight.closing.has(node.ID) && !this.#fullNodes.has(node.ID),
    );
    const placed: PlacedJob[] = [];
    const chosen = place(waiting, sight.grants, freeCapacities(classCapacities(nodes), leases));
    await this.#each(chosen, async (placement) => {
      const job = await store.place(placement, sight.now_ms, settings);
      if (job) placed.push(job);
      changed(placement.id);
    });
    return placed;
  }

  /** Removes services that may still run for ended or unknown jobs, for example after a late create. Records them as strays. */
  async #removeOrphans(known: readonly Job[], { tasks, now_ms }: Sight): Promise<void> {
    const states = new Map(known.map(({ id, state }) => [id, state]));
    const { engine, store, log, confirm } = this.#world;
    await confirm();
    for (const id of tasks.jobsThatMayRun().filter((id) => !states.has(id))) {
      log.warn({ job: id }, "removing the service of an ended or unknown job");
      await engine.removeService(jobName(id));
      await store
        .stray(id, idsOf(tasks.ofJob(id)), now_ms)
        .catch((error: unknown) => log.warn({ err: error, job: id }, "the stray could not be recorded in job_events"));
    }
    const before = this.#unwanted;
    this.#unwanted = new Set(tasks.stagersBut(states).map(({ kind, id }) => stagerName(kind, id)));
    // This tick's view still has the stagers that it removed. Only one that was unwanted before, too, is removed.
    for (const name of this.#unwanted) if (before.has(name)) await engine.removeService(name);
  }

  /** Acts on all items. A failure of one does not delay the others; a lost lead ends the tick. */
  async #each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
    await each(items, parallel_max, async (item) => {
      try {
        await act(item);
      } catch (error) {
        if (error instanceof LeadLostError) throw error;
        this.#world.log.warn({ err: error }, "a job's step failed and will be tried again");
      }
    });
  }
}
