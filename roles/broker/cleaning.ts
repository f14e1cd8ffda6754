import { limits } from "#shared/schemas/limits.ts";
import type { DispatchWorld, Sight } from "./dispatch-world.ts";
import { ensureService, tryRemoveNetwork } from "./engine-acts.ts";
import { inspectorName } from "./inspecting.ts";
import type { Job } from "./job.ts";
import { jobName, volumeName } from "./job-service-spec.ts";
import { janitorService, stagerName } from "./stager-service-spec.ts";
import { isOver } from "./tasks-view.ts";

interface Sweep {
  readonly name: string;
  readonly jobs: readonly Job[];
}

/** Takes away what ended jobs left: services and networks at once, volumes a while later, a node at a time. */
export class Cleaner {
  readonly #world: DispatchWorld;
  readonly #bare = new Set<string>();
  readonly #sweeps = new Map<string, Sweep>();

  constructor(world: DispatchWorld) {
    this.#world = world;
  }

  async clean(jobs: readonly Job[], sight: Sight): Promise<void> {
    for (const job of jobs) if (!this.#bare.has(job.id)) await this.#removeServices(job);
    const bare = jobs.filter(({ id }) => this.#bare.has(id));
    for (const job of bare.filter(({ node_id, spec }) => node_id === null || spec.mounts.length === 0))
      await this.#done(job, sight);
    await this.#endSweeps(sight);
    await this.#startSweeps(
      bare.filter(({ node_id, spec }) => node_id !== null && spec.mounts.length > 0),
      sight,
    );
  }

  async #removeServices(job: Job): Promise<void> {
    const { engine } = this.#world;
    const mounts = job.spec.mounts.map((_, mount) => mount);
    const names = [
      jobName(job.id),
      inspectorName(job.id),
      ...mounts.flatMap((mount) => [stagerName("stage", job.id, mount), stagerName("collect", job.id, mount)]),
    ];
    if (job.node_id !== null) await Promise.all(names.map((name) => engine.removeService(name)));
    if (job.node_id === null || (await tryRemoveNetwork(engine, jobName(job.id)))) this.#bare.add(job.id);
  }

  async #startSweeps(jobs: readonly Job[], { now_ms, nodes }: Sight): Promise<void> {
    const due = jobs.filter(({ ended_ms }) => now_ms - (ended_ms ?? 0) >= limits.jobs.volume_ms_max);
    for (const [node_id, waiting] of Map.groupBy(due, ({ node_id }) => node_id ?? "")) {
      const all = waiting.slice(0, limits.jobs.sweep_jobs_max);
      const [first] = all;
      if (!first || this.#sweeps.has(node_id) || nodes.get(node_id)?.Status.State !== "ready") continue;
      const name = `platform-janitor-${first.id}`;
      const volumes = all.flatMap(({ id, spec }) => spec.mounts.map((_, mount) => volumeName(id, mount)));
      const env = { PLATFORM_VOLUMES: JSON.stringify(volumes) };
      const { stager_image } = this.#world.settings;
      await ensureService(this.#world.engine, janitorService({ name, task: "janitor", node_id, stager_image, env }));
      this.#sweeps.set(node_id, { name, jobs: all });
    }
  }

  /** A sweep that found something in use leaves its jobs for the next one. */
  async #endSweeps(sight: Sight): Promise<void> {
    for (const [node_id, { name, jobs }] of this.#sweeps) {
      const [task] = await this.#world.engine.tasksOfService(name).catch(() => []);
      if (task && !isOver(task) && sight.nodes.get(node_id)?.Status.State === "ready") continue;
      await this.#world.engine.removeService(name);
      this.#sweeps.delete(node_id);
      if (task?.Status.State === "complete") for (const job of jobs) await this.#done(job, sight);
    }
  }

  async #done(job: Job, { now_ms }: Sight): Promise<void> {
    await this.#world.store.cleaned(job.id, now_ms);
    this.#bare.delete(job.id);
  }
}
