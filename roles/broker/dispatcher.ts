import { limits } from "#shared/schemas/limits.ts";
import { Advancer } from "./advance.ts";
import { Cleaner } from "./cleaning.ts";
import type { DispatchWorld, Sight } from "./dispatch-world.ts";
import type { Job } from "./job.ts";
import { LeadLostError } from "./lead.ts";
import { NodeWatch } from "./node-watch.ts";
import { classCapacities, freeCapacities, isAvailable, place, type QueuedJob, type Share } from "./placement.ts";
import { TasksView } from "./tasks-view.ts";

/** How long a node must be back, and the job's service gone, before the capacity of a lost job is given out again. */
const hold_ready_ms = 30_000;
const parallel_max = 16;

/** One leader's work: looks at jobs and Swarm, and takes everything one step further, tick by tick. */
export class Dispatcher {
  readonly #world: DispatchWorld;
  readonly #advancer: Advancer;
  readonly #cleaner: Cleaner;
  readonly #nodes: NodeWatch;
  last_tick_ms: number;

  constructor(world: DispatchWorld) {
    this.#world = world;
    this.#advancer = new Advancer(world);
    this.#cleaner = new Cleaner(world);
    this.#nodes = new NodeWatch(world.settings.node_lost_ms);
    this.last_tick_ms = world.clock.monotonic();
  }

  /** @returns whether something is under way, so that the next tick should come soon */
  async tick(): Promise<boolean> {
    const { store, clock } = this.#world;
    const [jobs, ended, leases] = await Promise.all([store.live(), store.uncleaned(), store.leases()]);
    const holds = leases.filter(({ is_hold }) => is_hold);
    if (jobs.length + ended.length + holds.length > 0) {
      const sight = await this.#look(jobs, leases);
      const placed = await this.#place(jobs, leases, sight);
      const live = jobs.map((job) => placed.get(job.id) ?? job);
      await this.#each(live, (job) => this.#advancer.advance(job, sight));
      await this.#cleaner.clean(ended, sight);
      await this.#releaseHolds(holds, sight);
    }
    this.last_tick_ms = clock.monotonic();
    return jobs.length > 0;
  }

  async settle(): Promise<void> {
    await this.#advancer.settle();
  }

  async #look(jobs: readonly Job[], leases: readonly { readonly node_id: string }[]): Promise<Sight> {
    const { engine, clock } = this.#world;
    const [tasks, nodeList] = await Promise.all([engine.tasks({ "platform.fleet": "jobs" }), engine.nodes()]);
    const nodes = new Map(nodeList.map((node) => [node.ID, node]));
    const used = new Set([...jobs.flatMap(({ node_id }) => node_id ?? []), ...leases.map(({ node_id }) => node_id)]);
    const now_ms = clock.now();
    return { now_ms, nodes, tasks: new TasksView(tasks), lost_nodes: this.#nodes.see(nodes, used, clock.monotonic()) };
  }

  async #place(
    jobs: readonly Job[],
    leases: Parameters<typeof freeCapacities>[1],
    sight: Sight,
  ): Promise<Map<string, Job>> {
    const placed = new Map<string, Job>();
    const queued = jobs.filter(
      (job) => job.state === "queued" && !job.is_cancel_asked && sight.now_ms <= job.deadline_ms,
    );
    if (queued.length === 0) return placed;
    const free = freeCapacities(classCapacities([...sight.nodes.values()].filter(isAvailable)), leases);
    const chosen = place(queued.map(asQueued), await this.#shares(jobs), free);
    const byId = new Map(queued.map((job) => [job.id, job]));
    const { store, settings, fencing, changed } = this.#world;
    await this.#each([...chosen], async ([id, node]) => {
      const job = byId.get(id);
      if (!job) return;
      const state = job.spec.mounts.length > 0 ? "staging" : "starting";
      const deadline_ms = sight.now_ms + (state === "staging" ? settings.staging_ms : settings.starting_ms);
      if (!(await store.place(job, node, state, sight.now_ms, deadline_ms))) return;
      const { node_id, node_class } = node;
      placed.set(id, {
        ...job,
        state,
        node_id,
        node_class,
        deadline_ms,
        intent_fencing: fencing,
        [`${state}_ms`]: sight.now_ms,
      });
      changed(id);
    });
    return placed;
  }

  async #shares(jobs: readonly Job[]): Promise<Map<string, Share>> {
    const running = Map.groupBy(
      jobs.filter(({ state }) => state !== "queued"),
      ({ challenge }) => challenge,
    );
    return new Map(
      [...(await this.#world.policies())].map(([slug, { running_max, share_weight }]) => [
        slug,
        { running: running.get(slug)?.length ?? 0, running_max, share_weight },
      ]),
    );
  }

  async #releaseHolds(
    holds: readonly { readonly job: string; readonly node_id: string }[],
    sight: Sight,
  ): Promise<void> {
    for (const { job, node_id } of holds) {
      const isGone = !sight.nodes.has(node_id);
      const isBack = this.#nodes.readyFor(node_id, this.#world.clock.monotonic()) >= hold_ready_ms;
      const isServiceGone = sight.tasks.ofJob(job).length === 0;
      if (isGone || (isBack && isServiceGone)) await this.#world.store.releaseHold(job);
    }
  }

  /** One job that fails does not keep the others waiting; losing the lead ends the tick. */
  async #each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
    const left = [...items];
    let lost: LeadLostError | null = null;
    const worker = async () => {
      for (let item = left.shift(); item !== undefined && !lost; item = left.shift()) {
        try {
          await act(item);
        } catch (error) {
          if (error instanceof LeadLostError) lost = error;
          else this.#world.log.warn({ err: error }, "a job's step failed and will be tried again");
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel_max, left.length) }, worker));
    if (lost) throw lost;
  }
}

/** How soon the next tick should come. */
export function pauseAfter(isBusy: boolean, tick_ms: number): number {
  return isBusy ? tick_ms : limits.jobs.idle_tick_ms;
}

function asQueued({ id, challenge, priority, accepted_ms, cpus, memory_bytes, gpu_count }: Job): QueuedJob {
  return { id, challenge, priority, accepted_ms, cpus, memory_bytes, gpu_count };
}
