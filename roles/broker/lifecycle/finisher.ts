import type { SwarmNode, Task } from "#shared/engine/engine.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName } from "#shared/swarm/names.ts";
import type { PlacedJob } from "../job/job.ts";
import { isEngines, killedOutcome, type Outcome } from "../job/outcome.ts";
import { putLogAway } from "../logs/job-log.ts";
import { LogFollows } from "../logs/log-follows.ts";
import { idsOf } from "../swarm/tasks-view.ts";
import { killerOf } from "./killer.ts";
import type { SentCreates } from "./sent-creates.ts";
import type { DispatchWorld } from "./world.ts";

/** What takes seconds after a task's end, beside the ticks and once a job: its log is put away, and a kill is looked into. */
export class Finisher {
  readonly #world: DispatchWorld;
  readonly #creates: SentCreates;
  readonly #finishing = new Map<string, Promise<void>>();
  /** Jobs that could not be finished, and when to try again. */
  readonly #again = new Map<string, number>();
  /** Jobs whose node left Ready while they ran. */
  readonly #unheard = new Set<string>();
  readonly follows: LogFollows;

  constructor(world: DispatchWorld, creates: SentCreates) {
    this.#world = world;
    this.#creates = creates;
    this.follows = new LogFollows(world);
  }

  /** Follows of a node that left Ready are cut; and what a container says while its engine is down is lost, though it ends well. */
  seeNodes(active: readonly PlacedJob[], nodes: ReadonlyMap<string, SwarmNode>): void {
    for (const { id, node_id, state } of active) {
      if (!node_id) continue;
      const nodeState = nodes.get(node_id)?.Status.State;
      this.follows.seeNode(node_id, nodeState === "ready");
      // "unknown" is what a manager says of all nodes that it has not heard of since it started itself.
      const isAway = nodeState !== "ready" && nodeState !== "unknown";
      if (isAway && (state === "starting" || state === "running")) this.#unheard.add(id);
    }
  }

  begin(job: PlacedJob, task: Task, outcome: Outcome): void {
    const { clock, log } = this.#world;
    if (this.#finishing.has(job.id) || clock.monotonic() < (this.#again.get(job.id) ?? 0)) return;
    const work = this.#finish(job, task, outcome)
      .catch((error: unknown) => {
        log.warn({ err: error, job: job.id }, "the job's log is not stored yet");
        this.#again.set(job.id, clock.monotonic() + limits.jobs.finish_again_ms);
      })
      .finally(() => this.#finishing.delete(job.id));
    this.#finishing.set(job.id, work);
  }

  /** The job is over: nothing is followed or tried again. */
  forget(id: string): void {
    this.#again.delete(id);
    this.#unheard.delete(id);
    this.follows.forget(id);
  }

  /** Waits for what is under way, and follows nothing any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#finishing.values());
    await this.follows.stop();
  }

  async #finish(job: PlacedJob, task: Task, outcome: Outcome): Promise<void> {
    const { engine, blobs, logs, store, changed } = this.#world;
    const wasStopped = outcome.state === "timed_out" || outcome.state === "cancelled";
    const isWhole = await this.follows.finish(job.id, task.ID, wasStopped);
    await this.#sayStrays(job);
    const isKilled = outcome.reason?.name === "killed_unknown";
    const final = isKilled ? killedOutcome(outcome.exit_code ?? 0, await killerOf(this.#world, job, task)) : outcome;
    const is_log_complete = isWhole && !isEngines(final) && !this.#unheard.has(job.id);
    const log_digest = await putLogAway(blobs, logs, job.id);
    await store.record(job, { log_digest, is_log_complete, outcome: final });
    // Its GPUs are free from here on; where that must wait, cleaning does it.
    await this.#world.confirm();
    if (this.#creates.areSettled(job.id)) await engine.removeService(jobName(job.id));
    changed(job.id);
  }

  /** A second task may have come and gone between two ticks: once the job goes on, and its service is removed, nobody could tell. */
  async #sayStrays({ id }: PlacedJob): Promise<void> {
    const { engine, store, clock } = this.#world;
    const tasks = await engine.tasksOfService(jobName(id));
    if (tasks.length > 1) await store.stray(id, idsOf(tasks), clock.now());
  }
}
