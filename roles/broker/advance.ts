import { EngineError, type Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { collectOutputs } from "./collecting.ts";
import { withDeadline } from "./deadline-signal.ts";
import type { DispatchWorld, Sight } from "./dispatch-world.ts";
import { ensureNetwork, ensureService, seal } from "./engine-acts.ts";
import { killedExitCode, wasOutOfMemory } from "./inspecting.ts";
import type { Job } from "./job.ts";
import { readLog, storeLog } from "./job-log.ts";
import { jobName, jobNetwork, jobService, networkOf } from "./job-service-spec.ts";
import { type Outcome, outcomeOf, verdict } from "./outcome.ts";
import { removeStagers, stageInputs } from "./staging.ts";
import { isOver } from "./tasks-view.ts";

/** Takes live jobs one step further at each tick. What it remembers saves calls; it is all found again after a restart. */
export class Advancer {
  readonly #world: DispatchWorld;
  readonly #takeover_ms: number;
  readonly #started = new Set<string>();
  readonly #sealed = new Set<string>();
  readonly #finishing = new Map<string, Promise<void>>();

  constructor(world: DispatchWorld) {
    this.#world = world;
    this.#takeover_ms = world.clock.monotonic();
  }

  async advance(job: Job, sight: Sight): Promise<void> {
    switch (job.state) {
      case "queued":
        return await this.#queued(job, sight);
      case "staging":
        return await this.#staging(job, sight);
      case "starting":
        return await this.#starting(job, sight);
      case "running":
        return await this.#running(job, sight);
      case "collecting":
        return await this.#collecting(job, sight);
    }
  }

  /** Waits for what runs beside the ticks. */
  async settle(): Promise<void> {
    await Promise.all(this.#finishing.values());
  }

  async #queued(job: Job, { now_ms }: Sight): Promise<void> {
    if (job.is_cancel_asked)
      await this.#end(job, outcomeOf("cancelled", "cancelled", "the challenge cancelled the job"));
    else if (now_ms > job.deadline_ms) {
      await this.#end(
        job,
        outcomeOf("rejected", "queue_deadline", "no capacity came free before the queue's deadline"),
      );
    }
  }

  async #staging(job: Job, sight: Sight): Promise<void> {
    const over = this.#interrupted(job, sight) ?? (await stageInputs(this.#world, job, sight, this.#started));
    if (over === "under_way") return;
    await removeStagers(this.#world, job, "stage");
    if (over !== "done") return await this.#end(job, over);
    const { store, settings } = this.#world;
    const starting = await store.move(job, "starting", sight.now_ms, sight.now_ms + settings.starting_ms);
    await this.#starting(starting, sight);
  }

  async #starting(job: Job, sight: Sight): Promise<void> {
    const [task] = sight.tasks.ofJob(job.id);
    const over = this.#interrupted(job, sight);
    if (over?.state === "lost") return await this.#end(job, over, true);
    if (over) return await this.#stop(job, sight, over);
    if (!task) return await this.#create(job);
    await this.#sealStrays(job, sight);
    if (isOver(task)) return await this.#ranToEnd(job, task, sight);
    if (task.Status.State !== "running") return;
    const { store, changed } = this.#world;
    const running_ms = Math.min(sight.now_ms, Math.max(job.starting_ms ?? 0, Date.parse(task.Status.Timestamp)));
    await store.move(job, "running", sight.now_ms, running_ms + job.spec.timeout_seconds * 1_000, {
      running_ms,
      ...taskIds(task),
    });
    changed(job.id);
  }

  async #running(job: Job, sight: Sight): Promise<void> {
    const task = this.#countedTask(job, sight);
    await this.#sealStrays(job, sight);
    if (task && isOver(task)) return await this.#ranToEnd(job, task, sight);
    if (job.node_id && sight.lost_nodes.has(job.node_id)) return await this.#end(job, lostOutcome(), true);
    if (job.is_cancel_asked)
      return await this.#stop(job, sight, outcomeOf("cancelled", "cancelled", "the challenge cancelled the job"));
    if (sight.now_ms >= job.deadline_ms) {
      await this.#stop(
        job,
        sight,
        outcomeOf("timed_out", "timeout", `the command did not end within ${job.spec.timeout_seconds} s`, 124),
      );
    }
  }

  /** The only task that counts is the first that was seen (jobs §3). */
  #countedTask(job: Job, { tasks }: Sight): Task | undefined {
    const all = tasks.ofJob(job.id);
    return job.swarm_task_id === null ? all[0] : all.find(({ ID }) => ID === job.swarm_task_id);
  }

  async #sealStrays(job: Job, sight: Sight): Promise<void> {
    const strays = sight.tasks.ofJob(job.id).slice(1);
    if (strays.length === 0 || this.#sealed.has(job.id)) return;
    await this.#seal(job);
    await this.#world.store.event(job.id, "stray_task", { tasks: strays.map(({ ID }) => ID) }, sight.now_ms);
  }

  async #seal(job: Job): Promise<void> {
    if (this.#sealed.has(job.id)) return;
    await seal(this.#world.engine, jobName(job.id));
    this.#sealed.add(job.id);
  }

  async #create(job: Job): Promise<void> {
    const { engine, settings, fencing } = this.#world;
    const name = jobName(job.id);
    if (this.#started.has(name) || !job.node_id || !job.node_class) return;
    if (job.intent_fencing !== fencing) return await this.#adopt(job);
    const { id, challenge, node_id, node_class, image_id } = job;
    const request = { ...job.spec, mounts: job.spec.mounts.map(({ blob: _, ...mount }) => mount) };
    try {
      const isOwn = networkOf(id, request) === name;
      if (isOwn)
        await ensureNetwork(
          engine,
          jobNetwork(id, challenge, request.limits.network === "none", settings.encrypted_overlays),
        );
      await ensureService(engine, jobService(request, { id, challenge, image_id, node_id, node_class }));
      this.#started.add(name);
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault === "unavailable") throw error;
      this.#world.log.warn({ err: error, job: id }, "the engine refused the job's service");
      await this.#end(
        job,
        outcomeOf("rejected", "container_refused", "the engine refused the container as it was asked for"),
      );
    }
  }

  /** An intent of a former leader: its service is taken over, or after a while the job is given up; never made anew. */
  async #adopt(job: Job): Promise<void> {
    const { engine, clock } = this.#world;
    const name = jobName(job.id);
    if (await engine.service(name)) {
      this.#started.add(name);
    } else if (clock.monotonic() - this.#takeover_ms > limits.jobs.intent_ms_max) {
      await this.#end(job, outcomeOf("lost", "create_unknown", "the broker stopped while it started the job"));
    }
  }

  async #ranToEnd(job: Job, task: Task, sight: Sight): Promise<void> {
    await this.#toCollecting(job, verdict(task), sight, task);
  }

  /** Stopping is a seal too. */
  async #stop(job: Job, sight: Sight, outcome: Outcome): Promise<void> {
    await this.#toCollecting(job, outcome, sight, this.#countedTask(job, sight));
  }

  /** The outcome is written, then the service sealed, in the same tick and before anything is collected. */
  async #toCollecting(job: Job, outcome: Outcome, sight: Sight, task: Task | undefined): Promise<void> {
    const { store, settings, changed } = this.#world;
    const ended_ms = task && isOver(task) ? Math.min(sight.now_ms, Date.parse(task.Status.Timestamp)) : sight.now_ms;
    const wall_ms = job.running_ms === null ? 0 : Math.max(0, ended_ms - job.running_ms);
    const step = { outcome, wall_ms, exit_code: outcome.exit_code, ...(task ? taskIds(task) : {}) };
    const collecting = await store.move(job, "collecting", sight.now_ms, sight.now_ms + settings.collecting_ms, step);
    changed(job.id);
    await this.#seal(collecting);
  }

  async #collecting(job: Job, sight: Sight): Promise<void> {
    const outcome = job.outcome ?? outcomeOf("failed", "engine_error", "the outcome was not written");
    const isNodeLost = job.node_id !== null && sight.lost_nodes.has(job.node_id);
    const task = this.#countedTask(job, sight);
    const mayRun = task !== undefined && !isOver(task);
    if (isNodeLost || sight.now_ms > job.deadline_ms) {
      const cut = await this.#world.store.record(job, {
        artifacts_complete: job.spec.mounts.every(({ read_only }) => read_only),
      });
      if (mayRun && !isNodeLost) await this.#seal(job);
      // What may still run keeps its capacity until its node is Ready and its service gone.
      return await this.#end(cut, outcome, mayRun);
    }
    await this.#seal(job);
    if (mayRun) return;
    if (task && job.log_digest === null) return this.#finishBeside(job, task, outcome);
    const { isDone, isComplete, outcome: final } = await this.#collected(job, outcome, sight);
    if (!isDone) return;
    if (!isComplete) await this.#world.store.record(job, { artifacts_complete: false });
    await removeStagers(this.#world, job, "collect");
    await this.#end(job, final);
  }

  async #collected(job: Job, outcome: Outcome, sight: Sight) {
    if (job.container_id === null) return { isDone: true, isComplete: true, outcome };
    return await collectOutputs(this.#world, job, outcome, sight, this.#started);
  }

  /** Log and inspection take seconds: they run beside the ticks, once a job. */
  #finishBeside(job: Job, task: Task, outcome: Outcome): void {
    if (this.#finishing.has(job.id)) return;
    const work = this.#finish(job, task, outcome)
      .catch((error: unknown) => this.#world.log.warn({ err: error, job: job.id }, "the job's log is not stored yet"))
      .finally(() => this.#finishing.delete(job.id));
    this.#finishing.set(job.id, work);
  }

  async #finish(job: Job, task: Task, outcome: Outcome): Promise<void> {
    const { engine, clock, blobs, store, changed } = this.#world;
    const { records, isComplete } = await withDeadline(clock, limits.jobs.log_read_ms_max, (signal) =>
      readLog(engine, task.ID, signal),
    );
    const isKilled = outcome.reason?.name === "exit_code" && outcome.exit_code === killedExitCode;
    const containerId = task.Status.ContainerStatus?.ContainerID;
    const final = isKilled
      ? killedOutcome(containerId ? await wasOutOfMemory(this.#world, job, containerId) : null, outcome)
      : outcome;
    const log_digest = await storeLog(blobs, records);
    // Stopping removes the container, and with it what was not read yet (jobs §7).
    const wasStopped = outcome.state === "timed_out" || outcome.state === "cancelled";
    await store.record(job, { log_digest, is_log_complete: isComplete && !wasStopped, outcome: final });
    await engine.removeService(jobName(job.id));
    changed(job.id);
  }

  /** What ends a job before its container ran. */
  #interrupted(job: Job, { now_ms, lost_nodes }: Sight): Outcome | null {
    if (job.node_id && lost_nodes.has(job.node_id)) return lostOutcome();
    if (job.is_cancel_asked) return outcomeOf("cancelled", "cancelled", "the challenge cancelled the job");
    if (now_ms <= job.deadline_ms) return null;
    return job.state === "staging"
      ? outcomeOf("rejected", "staging_deadline", "the inputs were not placed on the worker in time")
      : outcomeOf("rejected", "start_deadline", "the container did not start in time");
  }

  async #end(job: Job, outcome: Outcome, holdLease = false): Promise<void> {
    const { store, clock, changed, log } = this.#world;
    await store.end(job, outcome, clock.now(), holdLease);
    log.info(
      { job: job.id, challenge: job.challenge, state: outcome.state, reason: outcome.reason?.name },
      "job ended",
    );
    this.#sealed.delete(job.id);
    changed(job.id);
  }
}

function killedOutcome(wasOom: boolean | null, outcome: Outcome): Outcome {
  if (wasOom === null)
    return outcomeOf(
      "failed",
      "killed_unknown",
      "the container was killed, by whom could not be found out",
      killedExitCode,
    );
  return wasOom
    ? outcomeOf("failed", "out_of_memory", "the container used more memory than its limit", killedExitCode)
    : outcome;
}

function lostOutcome(): Outcome {
  return outcomeOf("lost", "node_lost", "the worker was lost while the job was on it");
}

function taskIds({ ID, Status }: Task) {
  const id = Status.ContainerStatus?.ContainerID;
  return { swarm_task_id: ID, ...(id ? { container_id: id } : {}) };
}
