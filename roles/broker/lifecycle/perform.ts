import { EngineError, type Task } from "#shared/engine/engine.ts";
import { seal } from "#shared/engine/seal.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName, stagerName } from "#shared/swarm/names.ts";
import type { JobIn, LiveJob, PlacedJob } from "../job/job.ts";
import {
  cancelledOutcome,
  drainedOutcome,
  lostOutcome,
  type Outcome,
  outcomeOf,
  refusedOutcome,
  verdict,
} from "../job/outcome.ts";
import { logChange } from "../logs/log-follows.ts";
import { ensureNetwork, ensureService } from "../swarm/ensure.ts";
import { jobNetwork, jobService, networkOf } from "../swarm/job-service-spec.ts";
import { idsOf, isOver } from "../swarm/tasks-view.ts";
import { Finisher } from "./finisher.ts";
import { stageInputs } from "./inputs.ts";
import { collectOutputs } from "./outputs.ts";
import type { SentCreates } from "./sent-creates.ts";
import type { DispatchWorld, Sight } from "./world.ts";

/** Takes live jobs one step further at each tick. What it remembers saves calls; it is all found again after a restart. */
export class Advancer {
  readonly #world: DispatchWorld;
  readonly #takeover_ms: number;
  readonly #creates: SentCreates;
  readonly #started = new Set<string>();
  readonly #sealed = new Set<string>();
  readonly #missing = new Map<string, number>();
  readonly finisher: Finisher;

  constructor(world: DispatchWorld, creates: SentCreates) {
    this.#world = world;
    this.#creates = creates;
    this.#takeover_ms = world.clock.monotonic();
    this.finisher = new Finisher(world, creates);
  }

  async advance(job: LiveJob, sight: Sight): Promise<void> {
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

  async #queued(job: JobIn<"queued">, { now_ms, shares }: Sight): Promise<void> {
    if (job.is_cancel_asked) await this.#end(job, cancelledOutcome());
    else if (now_ms > job.deadline_ms) {
      const { data_volumes = [] } = shares.get(job.challenge) ?? {};
      const where = data_volumes.length > 0 ? ` on a worker that holds ${data_volumes.join(", ")}` : "";
      const detail = `no capacity came free${where} before the queue's deadline`;
      await this.#end(job, outcomeOf("rejected", "queue_deadline", detail));
    }
  }

  async #staging(job: JobIn<"staging">, sight: Sight): Promise<void> {
    const over = this.#interrupted(job, sight) ?? (await stageInputs(this.#world, job, sight, this.#started));
    if (over === "under_way") return;
    await this.#world.engine.removeService(stagerName("stage", job.id));
    if (over !== "done") return await this.#end(job, over);
    const { store, settings } = this.#world;
    const deadline_ms = sight.now_ms + settings.starting_ms;
    const to = { state: "starting", starting_ms: sight.now_ms, deadline_ms } as const;
    await this.#starting((await store.move(job, to, sight.now_ms)) as JobIn<"starting">, sight);
  }

  async #starting(seen: JobIn<"starting">, sight: Sight): Promise<void> {
    const over = this.#interrupted(seen, sight);
    if (over?.state === "lost") return await this.#end(seen, over, true);
    if (over) return await this.#stop(seen, sight, over);
    const first = this.#countedTask(seen, sight);
    if (!first) return await (seen.swarm_task_id ? this.#taskMissing(seen, sight) : this.#create(seen));
    if (isOver(first)) return await this.#ranToEnd(seen, first, sight);
    await this.#sealStrays(seen, sight);
    if (first.Status.State === "running") return await this.#nowRunning(seen, first, sight);
    // The first task that is seen is the one that counts, whatever becomes of it (jobs §3).
    if (!seen.swarm_task_id) await this.#world.store.record(seen, { swarm_task_id: first.ID });
  }

  async #nowRunning(job: JobIn<"starting">, task: Task, sight: Sight): Promise<void> {
    const { store, changed } = this.#world;
    const running_ms = Math.min(sight.now_ms, Math.max(job.starting_ms ?? 0, Date.parse(task.Status.Timestamp)));
    const deadline_ms = running_ms + job.spec.timeout_seconds * 1_000;
    await store.move(job, { state: "running", running_ms, deadline_ms, ...taskIds(task) }, sight.now_ms);
    changed(job.id);
    if (job.node_id) this.finisher.follows.follow(job.id, task.ID, job.node_id);
  }

  async #running(job: JobIn<"running">, sight: Sight): Promise<void> {
    const task = this.#countedTask(job, sight);
    // Sealed past its deadline, while no broker ran: that is its timeout, whoever stopped it.
    const isReaped = task?.Status.State === "shutdown" && sight.now_ms >= job.deadline_ms;
    if (task && isOver(task) && !isReaped) return await this.#ranToEnd(job, task, sight);
    await this.#sealStrays(job, sight);
    if (job.node_id && sight.lost_nodes.has(job.node_id)) return await this.#end(job, lostOutcome(), true);
    if (job.is_cancel_asked) return await this.#stop(job, sight, cancelledOutcome());
    if (isTimeThereOver(job, sight)) return await this.#stop(job, sight, drainedOutcome());
    if (sight.now_ms >= job.deadline_ms) {
      const detail = `the command did not end within ${job.spec.timeout_seconds} s`;
      return await this.#stop(job, sight, outcomeOf("timed_out", "timeout", detail, 124));
    }
    if (!task) return await this.#taskMissing(job, sight);
    this.#missing.delete(job.id);
    if (job.node_id) this.finisher.follows.follow(job.id, task.ID, job.node_id);
  }

  /** Somebody removed the service: the job ends before its deadline, and not as the submission's fault. */
  async #taskMissing(job: PlacedJob, sight: Sight): Promise<void> {
    const now_ms = this.#world.clock.monotonic();
    const since = this.#missing.get(job.id) ?? now_ms;
    this.#missing.set(job.id, since);
    if (now_ms - since < limits.jobs.dispatch.task_missing_ms_max) return;
    await this.#stop(job, sight, outcomeOf("failed", "task_gone", "the job's task is gone from the Swarm"));
  }

  /** The only task that counts is the first that was seen (jobs §3). */
  #countedTask(job: PlacedJob, { tasks }: Sight): Task | undefined {
    const all = tasks.ofJob(job.id);
    return job.swarm_task_id === null ? all[0] : all.find(({ ID }) => ID === job.swarm_task_id);
  }

  /** A second run is possible between a task's end and its seal: it is stopped, and said (jobs §3). */
  async #sealStrays(job: PlacedJob, sight: Sight): Promise<void> {
    const tasks = sight.tasks.ofJob(job.id);
    const counted = this.#countedTask(job, sight);
    if (tasks.every((task) => task === counted)) return;
    await this.#seal(job);
    await this.#world.store.stray(job.id, idsOf(tasks), sight.now_ms);
  }

  async #seal(job: PlacedJob): Promise<void> {
    if (this.#sealed.has(job.id)) return;
    await seal(this.#world.engine, jobName(job.id));
    this.#sealed.add(job.id);
  }

  async #create(job: JobIn<"starting">): Promise<void> {
    const { engine, settings, fencing, confirm, features, registryAuthOf } = this.#world;
    const name = jobName(job.id);
    if (this.#started.has(name) || !job.node_id || !job.node_class) return;
    if (job.intent_fencing !== fencing) return await this.#adopt(job);
    const { id, challenge, node_id, node_class, image_id, data_volumes } = job;
    const request = { ...job.spec, mounts: job.spec.mounts.map(({ blob: _, ...mount }) => mount) };
    try {
      const isOwn = networkOf(id, request) === name;
      if (isOwn)
        await ensureNetwork(
          engine,
          jobNetwork(id, challenge, request.limits.network === "none", settings.encrypted_overlays),
        );
      // With what the challenge has now: the worker pulls by it.
      const auth = await registryAuthOf(challenge, request.image);
      await confirm();
      const spec = jobService(request, { id, challenge, image_id, node_id, node_class, data_volumes, features });
      await ensureService(engine, spec, auth);
      this.#started.add(name);
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault === "unavailable") {
        this.#creates.lostSight(id);
        throw error;
      }
      this.#world.log.warn({ err: error, job: id }, "the engine refused the job's service");
      await this.#end(job, refusedOutcome(error.fault, networkOf(id, request)));
    }
  }

  /** An intent of a former leader: its service is taken over, or after a while the job is given up; never made anew. */
  async #adopt(job: JobIn<"starting">): Promise<void> {
    const { engine, clock } = this.#world;
    const name = jobName(job.id);
    if (await engine.service(name)) {
      this.#started.add(name);
    } else if (clock.monotonic() - this.#takeover_ms > limits.jobs.intent_ms_max) {
      await this.#end(job, outcomeOf("lost", "create_unknown", "the broker stopped while it started the job"));
    }
  }

  async #ranToEnd(job: PlacedJob, task: Task, sight: Sight): Promise<void> {
    sight.full_nodes.seeTask(task);
    await this.#toCollecting(job, verdict(task), sight, task);
  }

  /** Stopping is a seal too. */
  async #stop(job: PlacedJob, sight: Sight, outcome: Outcome): Promise<void> {
    await this.#toCollecting(job, outcome, sight, this.#countedTask(job, sight));
  }

  /** The outcome is written, then the service sealed, in the same tick and before anything is collected. */
  async #toCollecting(job: PlacedJob, outcome: Outcome, sight: Sight, task: Task | undefined): Promise<void> {
    const { store, settings, changed } = this.#world;
    const ended_ms = task && isOver(task) ? Math.min(sight.now_ms, Date.parse(task.Status.Timestamp)) : sight.now_ms;
    const wall_ms = job.running_ms === null ? 0 : Math.max(0, ended_ms - job.running_ms);
    const times = { collecting_ms: sight.now_ms, deadline_ms: sight.now_ms + settings.collecting_ms };
    const end = { outcome, wall_ms, exit_code: outcome.exit_code, ...(task ? taskIds(task) : {}) };
    const collecting = await store.move(job, { state: "collecting", ...times, ...end }, sight.now_ms);
    changed(job.id);
    await this.#seal(collecting);
    if (task && isOver(task)) this.#finish(collecting, task, outcome, sight);
  }

  /** A node that is away could not tell the log: until the deadline it is waited for. */
  #finish(job: PlacedJob, task: Task, outcome: Outcome, { nodes }: Sight): void {
    if (nodes.get(job.node_id ?? "")?.Status.State === "ready") this.finisher.begin(job, task, outcome);
  }

  async #collecting(job: JobIn<"collecting">, sight: Sight): Promise<void> {
    const { outcome } = job;
    const isNodeLost = job.node_id !== null && sight.lost_nodes.has(job.node_id);
    const task = this.#countedTask(job, sight);
    const mayRun = task !== undefined && !isOver(task);
    if (isNodeLost || sight.now_ms > job.deadline_ms) {
      const cut = await this.#world.store.record(job, {
        artifacts_complete: job.spec.mounts.every(({ read_only }) => read_only),
      });
      if (mayRun && !isNodeLost) await this.#seal(job);
      // What may still run keeps its capacity until the janitor has seen that it does not.
      return await this.#end(cut, outcome, mayRun);
    }
    await this.#seal(job);
    await this.#sealStrays(job, sight);
    if (mayRun) return;
    if (job.swarm_task_id === null && !task && !this.#creates.areSettled(job.id)) {
      // A create of which nobody knows may still come: until then its capacity is not given out, and it is sealed at once.
      this.#sealed.delete(job.id);
      return;
    }
    if (task && job.log_digest === null) return this.#finish(job, task, outcome, sight);
    const { isDone, isComplete, outcome: final } = await this.#collected(job, outcome, sight);
    if (!isDone) return;
    if (!isComplete) await this.#world.store.record(job, { artifacts_complete: false });
    if (this.#started.has(stagerName("collect", job.id)))
      await this.#world.engine.removeService(stagerName("collect", job.id));
    // A task that went without being seen over: the janitor looks whether its container did.
    await this.#end(job, final, job.swarm_task_id !== null && job.log_digest === null);
  }

  async #collected(job: JobIn<"collecting">, outcome: Outcome, sight: Sight) {
    if (job.container_id === null) return { isDone: true, isComplete: true, outcome };
    return await collectOutputs(this.#world, job, outcome, sight, this.#started);
  }

  /** What ends a job before its container ran. */
  #interrupted(job: PlacedJob, sight: Sight): Outcome | null {
    const { now_ms, lost_nodes } = sight;
    if (job.node_id && lost_nodes.has(job.node_id)) return lostOutcome();
    if (job.is_cancel_asked) return cancelledOutcome();
    if (isTimeThereOver(job, sight)) return drainedOutcome();
    if (now_ms <= job.deadline_ms) return null;
    return job.state === "staging"
      ? outcomeOf("rejected", "staging_deadline", "the inputs were not placed on the worker in time")
      : outcomeOf("rejected", "start_deadline", `the container did not start in time: ${this.#lastSaid(job, sight)}`);
  }

  /** The engine's last words about a start. */
  #lastSaid(job: PlacedJob, sight: Sight): string {
    const status = this.#countedTask(job, sight)?.Status;
    if (!status) return "the engine has not begun with it";
    return (status.Err || status.Message || status.State).replace(/[^\x20-\x7e]/g, "?");
  }

  async #end(job: LiveJob, outcome: Outcome, holdLease = false): Promise<void> {
    const { store, clock, changed, log } = this.#world;
    await store.end(job, { outcome, isHeld: holdLease }, clock.now());
    log.info(
      { job: job.id, challenge: job.challenge, state: outcome.state, reason: outcome.reason?.name },
      "job ended",
    );
    this.#forget(job.id);
    changed(job.id);
    changed(logChange(job.id));
  }

  #forget(id: string): void {
    this.#sealed.delete(id);
    this.#missing.delete(id);
    for (const name of [jobName(id), stagerName("stage", id), stagerName("collect", id)]) this.#started.delete(name);
    this.finisher.forget(id);
  }
}

/** Whether the job's worker was to be empty by now. */
function isTimeThereOver({ node_id }: PlacedJob, { closing, now_ms }: Sight): boolean {
  return node_id !== null && now_ms >= (closing.get(node_id) ?? Number.POSITIVE_INFINITY);
}

function taskIds({ ID, Status }: Task) {
  const id = Status.ContainerStatus?.ContainerID;
  return { swarm_task_id: ID, ...(id ? { container_id: id } : {}) };
}
