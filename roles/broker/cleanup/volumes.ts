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
  /** A janitor that has not ended within this time is given up, for example because it never starts. */
  readonly until_ms: number;
}

/**
 * Removes the services and the network of an ended job. What was seen of its log is stored first, even if incomplete.
 *
 * @returns false while something still uses the network
 */
export async function removeServices(world: DispatchWorld, job: EndedJob, { now_ms, tasks }: Sight): Promise<boolean> {
  const { engine, store, logs, confirm } = world;
  // Swarm started the job again elsewhere, after a lost node or a deadline. Record that before the service is gone.
  const seen = idsOf(tasks.ofJob(job.id));
  if (seen.length > 1) await store.stray(job.id, seen, now_ms);
  const names = [jobName(job.id), inspectorName(job.id), stagerName("stage", job.id), stagerName("collect", job.id)];
  if (job.node_id !== null) {
    // A former leader that was held up must not remove what its successor keeps.
    await confirm();
    await Promise.all(names.map((name) => engine.removeService(name)));
    if (!(await tryRemoveNetwork(engine, jobName(job.id)))) return false;
  }
  const kept = job.log_digest ?? (await putCutLogAway(world, job.id));
  await store.servicesRemoved(job.id, now_ms, kept);
  if (kept) await logs.remove(job.id);
  return true;
}

/** Stores the log of a job that ended before its log was stored. Null when there is none, or no room: its file then stays. */
async function putCutLogAway({ blobs, logs, log }: DispatchWorld, id: string): Promise<string | null> {
  if ((await logs.read(id, 0, 1)).length === 0) return null;
  return await putLogAway(blobs, logs, id).catch((error: unknown) => {
    log.warn({ err: error, job: id }, "the job's log cannot be stored now; its file is kept and tried again later");
    return null;
  });
}

/**
 * Removes what ended jobs left on the workers: volumes, `volume_ms` after the end, and containers of lost jobs. The janitor
 * visits one node at a time. A hold ends only when the janitor found nothing running (jobs §4).
 */
export class Sweeper {
  readonly #world: DispatchWorld;
  readonly #sweeps = new Map<string, Sweep>();
  /** Jobs with something still in use, and when to try again. Each is retried alone, so that it delays no other. */
  readonly #again = new Map<string, number>();
  /** When this leader first saw each job as ended. */
  readonly #seen = new Map<string, number>();

  constructor(world: DispatchWorld) {
    this.#world = world;
  }

  /** Whether a janitor is running. */
  get isSweeping(): boolean {
    return this.#sweeps.size > 0;
  }

  /** `held` are the jobs whose capacity is held. */
  async sweep(jobs: readonly EndedJob[], held: ReadonlySet<string>, sight: Sight): Promise<void> {
    const swept = await this.#endSweeps(sight);
    const unswept = jobs.filter((job) => !swept.has(job.id) && this.#isSettled(job));
    for (const [node_id, waiting] of Map.groupBy(unswept, ({ node_id }) => node_id)) {
      // A job without mounts has no volumes. A container of it that may still run is marked by a hold.
      const isElsewhere = node_id === null || !sight.nodes.has(node_id);
      const done = waiting.filter(({ id, spec }) => isElsewhere || (spec.mounts.length === 0 && !held.has(id)));
      for (const job of done) await this.#done(job, sight);
      const left = waiting.filter((job) => !done.includes(job));
      if (node_id !== null && left.length > 0) await this.#start(node_id, left, sight);
    }
  }

  /** A stager that was asked for may start late, and make its volume once more. */
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

  /** Where a janitor found something in use, or failed, another is sent later for each of its jobs. */
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
