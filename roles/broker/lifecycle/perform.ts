import { EngineError } from "#shared/engine/engine.ts";
import { seal } from "#shared/engine/seal-service.ts";
import { limits } from "#shared/schemas/limits.ts";
import { jobName, stagerName } from "#shared/swarm/names.ts";
import type { LiveJob, PlacedJob } from "../job/job.ts";
import { logChange } from "../logs/log-follows.ts";
import type { FullNodes } from "../placement/full-nodes.ts";
import { ensureNetwork, ensureService } from "../swarm/ensure.ts";
import { grantFault } from "../swarm/granted-network.ts";
import { hasOwnNetwork, jobNetwork, jobService } from "../swarm/job-service-spec.ts";
import { decideNotGranted, decideRefused } from "./decide.ts";
import type { Finisher } from "./finisher.ts";
import type { JobMemory } from "./memory.ts";
import { startStager } from "./stagers.ts";
import type { Step } from "./step.ts";
import type { DispatchWorld } from "./world.ts";

type StepOf<D extends Step["do"]> = Extract<Step, { readonly do: D }>;

/**
 * Carries out the decided steps of a job, one after another. It holds no rules. A failed step ends the sequence, and the next
 * tick decides anew. The lead is confirmed before each act that cannot be undone; database writes are fenced anyhow.
 */
export class Performer {
  readonly #world: DispatchWorld;
  readonly #finisher: Finisher;
  readonly #fullNodes: FullNodes;

  constructor(world: DispatchWorld, finisher: Finisher, fullNodes: FullNodes) {
    this.#world = world;
    this.#finisher = finisher;
    this.#fullNodes = fullNodes;
  }

  /** Performs the steps. Each acts on the job as the previous step left it. */
  async perform(job: LiveJob, memory: JobMemory, steps: readonly Step[]): Promise<void> {
    let current = job;
    for (const step of steps) {
      if (step.do === "end") await this.#end(current, step);
      else if (current.state === "queued") throw new Error(`a queued job can only be ended, not: ${step.do}`);
      else current = (await this.#step(current, memory, step)) ?? current;
    }
  }

  /** @returns the written job, or the same job when nothing was written */
  async #step(job: PlacedJob, memory: JobMemory, step: Exclude<Step, StepOf<"end">>): Promise<PlacedJob | undefined> {
    const { store, clock } = this.#world;
    switch (step.do) {
      case "move":
        return await this.#move(job, step);
      case "record":
        return await store.record(job, step.changes);
      case "record strays":
        return void (await store.stray(job.id, step.task_ids, clock.now()));
      case "create service":
        return void (await this.#create(job, memory));
      case "adopt service":
        return void (await this.#adopt(job, memory, step));
      case "seal service":
        return void (await this.#seal(job, memory));
      case "start stager":
        await startStager(this.#world, job, step.kind, step.mounts);
        return void memory.stagers.add(step.kind);
      case "remove stager":
        return void (await this.#remove(stagerName(step.kind, job.id)));
      case "follow log":
        return void this.#finisher.follows.follow(job.id, step.task_id, job.node_id);
      case "finish":
        return void this.#finisher.begin(job, memory, step);
      case "drain log":
        return void this.#finisher.drain(job, memory);
      case "spare node":
        return void this.#fullNodes.spare(step.node_id);
    }
  }

  async #move(job: PlacedJob, { to }: StepOf<"move">): Promise<PlacedJob> {
    const { store, clock, changed } = this.#world;
    const moved = await store.move(job, to, clock.now());
    changed(job.id);
    return moved;
  }

  async #create(job: PlacedJob, memory: JobMemory): Promise<void> {
    const { engine, clock, log } = this.#world;
    const fault = await grantFault(engine, job.challenge, job.spec);
    if (fault) return await this.perform(job, memory, decideNotGranted(fault));
    try {
      await this.#createService(job);
      memory.isServiceMade = true;
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault === "unavailable") {
        memory.creates_settled_ms = clock.monotonic() + limits.jobs.intent_ms_max;
        throw error;
      }
      log.warn({ err: error, job: job.id }, "the engine refused the job's service");
      await this.perform(job, memory, decideRefused(job, error.fault));
    }
  }

  async #createService(job: PlacedJob): Promise<void> {
    const { engine, settings, confirm, features, registryAuthOf } = this.#world;
    const { id, challenge, spec } = job;
    const request = { ...spec, mounts: spec.mounts.map(({ blob: _, ...mount }) => mount) };
    if (hasOwnNetwork(request)) {
      const isInternal = request.limits.network === "none";
      await ensureNetwork(engine, jobNetwork(id, challenge, isInternal, settings.encrypted_overlays));
    }
    // The worker pulls with the registry account that the challenge has now.
    const auth = await registryAuthOf(challenge, request.image);
    await confirm();
    await ensureService(engine, jobService(request, { ...job, features }), auth);
  }

  async #adopt(job: PlacedJob, memory: JobMemory, { otherwise }: StepOf<"adopt service">): Promise<void> {
    if (await this.#world.engine.service(jobName(job.id))) memory.isServiceMade = true;
    else if (otherwise) await this.#end(job, { outcome: otherwise, isHeld: false });
  }

  async #seal({ id }: PlacedJob, memory: JobMemory): Promise<void> {
    await this.#world.confirm();
    await seal(this.#world.engine, jobName(id));
    memory.isSealed = true;
  }

  async #remove(service: string): Promise<void> {
    await this.#world.confirm();
    await this.#world.engine.removeService(service);
  }

  async #end(job: LiveJob, { outcome, isHeld }: Pick<StepOf<"end">, "outcome" | "isHeld">): Promise<void> {
    const { store, clock, changed, log } = this.#world;
    await store.end(job, { outcome, isHeld }, clock.now());
    const { state, reason } = outcome;
    log.info({ job: job.id, challenge: job.challenge, state, reason: reason?.name }, "job ended");
    this.#finisher.follows.forget(job.id);
    changed(job.id);
    changed(logChange(job.id));
  }
}
