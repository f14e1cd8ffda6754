import { limits } from "#shared/schemas/limits.ts";
import { environmentOfOrder } from "#shared/schemas/stager.ts";
import { inspectorName, janitorName, jobName, stagerName } from "#shared/swarm/names.ts";
import type { EndedJob } from "../job/job.ts";
import type { DispatchWorld, Sight } from "../lifecycle/world.ts";
import { putLogAway } from "../logs/job-log.ts";
import { ensureService, tryRemoveNetwork } from "../swarm/ensure.ts";
import { janitorService } from "../swarm/stager-service-spec.ts";
import { idsOf, isOver } from "../swarm/tasks-view.ts";

interface Sweep {
  readonly name: string;
  readonly jobs: readonly EndedJob[];
  /** So that a janitor that never starts is given up. */
  readonly until_ms: number;
}

/**
 * Services and network of an ended job: gone at once. What was seen of its log is kept, also where the end cut it short.
 *
 * @returns false while something still uses the network
 */
export async function removeServices(world: DispatchWorld, job: EndedJob, { now_ms, tasks }: Sight): Promise<boolean> {
  const { engine, store, logs, confirm } = world;
  // The node was lost, or the deadline passed, and Swarm started it elsewhere: said before the service is gone.
  const seen = idsOf(tasks.ofJob(job.id));
  if (seen.length > 1) await store.stray(job.id, seen, now_ms);
  const names = [jobName(job.id), inspectorName(job.id), stagerName("stage", job.id), stagerName("collect", job.id)];
  if (job.node_id !== null) {
    // A leader that was held up must not take away what its successor keeps.
    await confirm();
    await Promise.all(names.map((name) => engine.removeService(name)));
    if (!(await tryRemoveNetwork(engine, jobName(job.id)))) return false;
  }
  const kept = job.log_digest ?? (await putCutLogAway(world, job.id));
  await store.servicesRemoved(job.id, now_ms, kept);
  if (kept) await logs.remove(job.id);
  return true;
}

/** The log of a job that ended before it was put away; null where there is none, or no room: then its file stays. */
async function putCutLogAway({ blobs, logs, log }: DispatchWorld, id: string): Promise<string | null> {
  if ((await logs.read(id, 0, 1)).length === 0) return null;
  return await putLogAway(blobs, logs, id).catch((error: unknown) => {
    log.warn({ err: error, job: id }, "the log cannot be put away now, its file is kept");
    return null;
  });
}

/**
 * What ended jobs left on the workers: volumes, a while after the end, and containers that may still run on a node that
 * was lost. The janitor looks, a node at a time; only when it found nothing running does a hold end (jobs §4).
 */
export class Sweeper {
  readonly #world: DispatchWorld;
  readonly #sweeps = new Map<string, Sweep>();
  /** Jobs of which something was in use, and when to look again: alone, so that they keep no other waiting. */
  readonly #again = new Map<string, number>();
  /** When it was first seen here that a job has ended. */
  readonly #seen = new Map<string, number>();

  constructor(world: DispatchWorld) {
    this.#world = world;
  }

  /** Whether a janitor is out. */
  get isSweeping(): boolean {
    return this.#sweeps.size > 0;
  }

  /** `held` are the jobs whose capacity is held. */
  async sweep(jobs: readonly EndedJob[], held: ReadonlySet<string>, sight: Sight): Promise<void> {
    const swept = await this.#endSweeps(sight);
    const unswept = jobs.filter((job) => !swept.has(job.id) && this.#isSettled(job));
    for (const [node_id, waiting] of Map.groupBy(unswept, ({ node_id }) => node_id)) {
      // Without mounts only a container could be left, and of that a hold would tell.
      const isElsewhere = node_id === null || !sight.nodes.has(node_id);
      const done = waiting.filter(({ id, spec }) => isElsewhere || (spec.mounts.length === 0 && !held.has(id)));
      for (const job of done) await this.#done(job, sight);
      const left = waiting.filter((job) => !done.includes(job));
      if (node_id !== null && left.length > 0) await this.#start(node_id, left, sight);
    }
  }

  /** A stager that was asked for may come late, and make its volume once more. */
  #isSettled({ id }: EndedJob): boolean {
    const now_ms = this.#world.clock.monotonic();
    const seen_ms = this.#seen.get(id) ?? now_ms;
    this.#seen.set(id, seen_ms);
    return now_ms - seen_ms > limits.jobs.sweep_after_ms;
  }

  async #start(node_id: string, waiting: readonly EndedJob[], { nodes }: Sight): Promise<void> {
    const { engine, settings, clock, confirm } = this.#world;
    if (this.#sweeps.has(node_id) || nodes.get(node_id)?.Status.State !== "ready") return;
    const now_ms = clock.monotonic();
    const fresh = waiting.filter(({ id }) => !this.#again.has(id));
    const due = waiting.find(({ id }) => (this.#again.get(id) ?? Number.POSITIVE_INFINITY) <= now_ms);
    const jobs = fresh.length > 0 ? fresh.slice(0, limits.jobs.sweep_jobs_max) : due ? [due] : [];
    if (jobs.length === 0) return;
    const ids = jobs.map(({ id }) => id);
    const name = janitorName(ids);
    const env = environmentOfOrder({ jobs: ids });
    const { stager_image } = settings;
    await confirm();
    await ensureService(engine, janitorService({ name, task: "janitor", node_id, stager_image, env }));
    this.#sweeps.set(node_id, { name, jobs, until_ms: now_ms + limits.jobs.janitor_ms_max });
  }

  /** A janitor that found something in use, or could not look, is sent again for each of its jobs. */
  async #endSweeps(sight: Sight): Promise<ReadonlySet<string>> {
    const swept = new Set<string>();
    const { engine, clock } = this.#world;
    const now_ms = clock.monotonic();
    for (const [node_id, { name, jobs, until_ms }] of this.#sweeps) {
      const task = sight.tasks.ofJanitor(name);
      const isWaiting = (!task || !isOver(task)) && sight.nodes.get(node_id)?.Status.State === "ready";
      if (isWaiting && now_ms < until_ms) continue;
      await engine.removeService(name);
      this.#sweeps.delete(node_id);
      for (const job of jobs) {
        if (task?.Status.State !== "complete") this.#again.set(job.id, now_ms + limits.jobs.sweep_again_ms);
        else await this.#done(job, sight);
        swept.add(job.id);
      }
    }
    return swept;
  }

  async #done(job: EndedJob, { now_ms }: Sight): Promise<void> {
    await this.#world.store.cleaned(job.id, now_ms);
    this.#again.delete(job.id);
    this.#seen.delete(job.id);
  }
}
