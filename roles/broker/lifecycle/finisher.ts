import type { Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName } from "#shared/swarm/names.ts";
import { drainedMounts, type PlacedJob } from "../job/job.ts";
import { fullDiskOutcome, isEngines, killedOutcome, mayBeFullDisks, type Outcome } from "../job/outcome.ts";
import { putLogAway } from "../logs/job-log.ts";
import { LogFollows } from "../logs/log-follows.ts";
import { idsOf, tasksOf } from "../swarm/tasks-view.ts";
import { inspect, killerOf } from "./kill-cause.ts";
import type { JobMemory } from "./memory.ts";
import type { DispatchWorld } from "./world.ts";

/** The ended task that counts, and its outcome. */
interface TaskEnd {
  readonly task: Task;
  readonly outcome: Outcome;
}

/** Work after a task's end that takes seconds, done once a job, beside the ticks: stores the log and inspects kills. */
export class Finisher {
  readonly #world: DispatchWorld;
  readonly #finishing = new Set<Promise<void>>();
  readonly follows: LogFollows;

  constructor(world: DispatchWorld) {
    this.#world = world;
    this.follows = new LogFollows(world);
  }

  begin(job: PlacedJob, memory: JobMemory, end: TaskEnd): void {
    this.#beside(job, memory, this.#finish(job, memory, end));
  }

  /** Of a task that is gone the log cannot be read: the job ends with what its follow had heard and hears yet. */
  drain(job: PlacedJob, memory: JobMemory): void {
    this.#beside(job, memory, this.#drain(job, memory));
  }

  #beside(job: PlacedJob, memory: JobMemory, finishing: Promise<void>): void {
    const { clock, log } = this.#world;
    memory.isFinishing = true;
    const work = finishing
      .catch((error: unknown) => {
        log.warn({ err: error, job: job.id }, "the job's log could not be stored; tried again later");
        memory.finish_again_ms = clock.monotonic() + limits.jobs.finish_again_ms;
      })
      .finally(() => {
        memory.isFinishing = false;
        this.#finishing.delete(work);
      });
    this.#finishing.add(work);
  }

  /** Waits for the work under way, and stops all follows. */
  async settle(): Promise<void> {
    await Promise.all(this.#finishing);
    await this.follows.stop();
  }

  async #finish(job: PlacedJob, memory: JobMemory, { task, outcome }: TaskEnd): Promise<void> {
    const { engine, blobs, logs, store, changed } = this.#world;
    const wasStopped = outcome.state === "timed_out" || outcome.state === "cancelled";
    const isWhole = await this.follows.finish(job.id, task.ID, wasStopped);
    await this.#sayStrays(job);
    const final = await this.#lookInto(job, memory, { task, outcome });
    const is_log_complete = isWhole && !isEngines(final) && !memory.wasNodeAway;
    const log_digest = await putLogAway(blobs, logs, job.id);
    await store.record(job, { log_digest, is_log_complete, outcome: final });
    // Removing the service frees the job's GPUs. While a create may still arrive, it stays, and is removed later.
    await this.#world.confirm();
    if (this.#world.clock.monotonic() >= memory.creates_settled_ms) await engine.removeService(jobName(job.id));
    changed(job.id);
  }

  async #drain({ id, swarm_task_id }: PlacedJob, memory: JobMemory): Promise<void> {
    if (swarm_task_id !== null) await this.follows.finish(id, swarm_task_id, true);
    memory.isLogDrained = true;
    this.#world.changed(id);
  }

  /** Inspects the container after a kill, and the disk after a bad end without outputs. With outputs the collector checks the disk. */
  async #lookInto(job: PlacedJob, memory: JobMemory, { task, outcome }: TaskEnd): Promise<Outcome> {
    const isKilled = outcome.reason?.name === "killed_unknown";
    const isCollected = drainedMounts(job).length > 0;
    if (!isKilled && (isCollected || !mayBeFullDisks(outcome))) return outcome;
    const found = await inspect(this.#world, job, task);
    memory.isDiskFull = found?.is_disk_low === true;
    const named = isKilled ? killedOutcome(outcome.exit_code ?? 0, killerOf(found)) : outcome;
    // The collector may still prove that the job itself filled the disk.
    return memory.isDiskFull && !isCollected ? fullDiskOutcome(named) : named;
  }

  /** Records a second task that came and went between two ticks. After the service is removed nobody could see it. */
  async #sayStrays({ id }: PlacedJob): Promise<void> {
    const { engine, store, clock } = this.#world;
    const tasks = await tasksOf(engine, jobName(id));
    if (tasks.length > 1) await store.stray(id, idsOf(tasks), clock.now());
  }
}
