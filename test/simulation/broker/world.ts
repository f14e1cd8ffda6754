import pino from "pino";
import type { ServiceSpec } from "#shared/engine/engine.ts";
import { Dispatcher } from "../../../roles/broker/dispatcher.ts";
import { hasEnded, type Job } from "../../../roles/broker/job.ts";
import { parseJobRequest } from "../../../roles/broker/job-request.ts";
import { LeadLostError } from "../../../roles/broker/lead.ts";
import { createTransferTokens } from "../../../roles/broker/transfer-tokens.ts";
import { createModelEngine, type EngineFaults } from "../model/model-engine.ts";
import type { ModelContainer, ModelNode } from "../model/model-objects.ts";
import { ModelSwarm } from "../model/model-swarm.ts";
import { createRandom, type Random } from "../model/random.ts";
import { VirtualClock } from "../model/virtual-clock.ts";
import {
  createJobsTable,
  createMemoryBlobs,
  createMemoryStore,
  type JobsTable,
  type StoreFaults,
} from "./memory-store.ts";

const settings = {
  stager_image: "stager",
  transfer_url: "http://broker:8083",
  encrypted_overlays: false,
  tick_ms: 200,
  queued_ms: 600_000,
  staging_ms: 60_000,
  starting_ms: 120_000,
  collecting_ms: 60_000,
  node_lost_ms: 60_000,
};
const policy = {
  ...{ running_max: 6, queued_max: 1_000, share_weight: 1, gpu_count_max: 2, image_allowlist: [] },
  ...{ allow_egress: false, networks: [], queueing: true, blob_bytes_max: 1 },
};
const timeout_seconds_max = 60;
/** The sum of a job's deadlines, and a minute for what is on its way when one passes. */
const end_ms_max =
  settings.queued_ms +
  settings.staging_ms +
  settings.starting_ms +
  timeout_seconds_max * 1_000 +
  settings.collecting_ms +
  120_000;

/** A broker on a model Swarm: production's dispatcher, everything around it from one seed. */
export class BrokerWorld {
  readonly clock = new VirtualClock();
  readonly table: JobsTable = createJobsTable();
  readonly swarm: ModelSwarm;
  readonly random: Random;
  readonly engineFaults: EngineFaults = { call_failure: 0, log_hang: 0, is_down: false };
  readonly storeFaults: StoreFaults = { call_failure: 0 };
  readonly nodes: readonly ModelNode[];
  readonly #results = new Map<string, string>();
  #broker = new AbortController();
  #serial = 0;

  constructor(seed: number) {
    this.random = createRandom(seed);
    this.swarm = new ModelSwarm(this.clock, this.random, (spec) => ({
      pull_ms: this.random.chance(0.1) ? this.random.between(1_000, 20_000) : this.random.between(5, 50),
      run: (container) => this.#run(spec, container),
    }));
    this.nodes = [
      this.swarm.addNode("cpu-1", { "platform.workload": "cpu" }),
      this.swarm.addNode("cpu-2", { "platform.workload": "cpu" }),
      this.swarm.addNode("gpu-1", { "platform.workload": "gpu" }, { gpus: ["GPU-0", "GPU-1"] }),
    ];
  }

  /** What a container of the service does: a stager its work, a job what its command says. */
  async #run(spec: ServiceSpec, container: ModelContainer): Promise<{ exit_code: number }> {
    const labels = spec.Labels;
    const { signal } = container.killed;
    if (labels["platform.kind"] === "job") return await this.#runJob(spec, signal);
    await this.clock.sleep(this.random.between(20, 400), signal).catch(() => undefined);
    const job = this.table.jobs.get(labels["platform.id"] ?? "");
    if (labels["platform.kind"] === "collect" && job?.state === "collecting") {
      const artifact = { mount: Number(labels["platform.mount"]), digest: "0".repeat(64) as never, size_bytes: 1 };
      this.table.jobs.set(job.id, { ...job, artifacts: [...job.artifacts, artifact] });
    }
    return { exit_code: 0 };
  }

  async #runJob(spec: ServiceSpec, signal: AbortSignal): Promise<{ exit_code: number }> {
    const [ms, code] = (spec.TaskTemplate.ContainerSpec.Args ?? []).map(Number);
    await this.clock.sleep(ms ?? 0, signal).catch(() => undefined);
    return { exit_code: code ?? 0 };
  }

  submit(): void {
    const { random } = this;
    this.#serial += 1;
    const gpu_count = random.chance(0.25) ? random.between(1, 2) : null;
    const timeout_seconds = random.between(2, timeout_seconds_max);
    const lasts_ms = random.chance(0.15) ? timeout_seconds * 1_500 : random.between(50, 8_000);
    const mounts = random.chance(0.4) ? [{ target: "/output", read_only: false }] : [];
    const limits = { cpus: random.pick([0.5, 1, 2]), memory: "1g", gpu_count };
    const command = [String(lasts_ms), String(random.pick([0, 0, 0, 1, 3]))];
    const request = parseJobRequest({ image: "job", command, timeout_seconds, mounts, limits });
    const id = this.#serial.toString(16).padStart(32, "0");
    const now = this.clock.now();
    this.table.jobs.set(id, {
      ...{ id, challenge: random.pick(["a", "b"]), job_id: "job", task_id: null, spec_digest: id, image_id: "job" },
      spec: { ...request, mounts: request.mounts.map((mount) => ({ ...mount, blob: null })) },
      ...{
        cpus: limits.cpus,
        memory_bytes: 2 ** 30,
        gpu_count: gpu_count ?? 0,
        priority: 0,
        state: "queued",
        outcome: null,
      },
      ...{
        is_cancel_asked: false,
        deadline_ms: now + settings.queued_ms,
        node_id: null,
        node_class: null,
        intent_fencing: null,
      },
      ...{
        swarm_task_id: null,
        container_id: null,
        exit_code: null,
        wall_ms: null,
        is_log_complete: false,
        log_digest: null,
      },
      ...{
        artifacts: [],
        artifacts_complete: true,
        accepted_ms: now,
        staging_ms: null,
        starting_ms: null,
        running_ms: null,
      },
      ...{ collecting_ms: null, ended_ms: null },
    } as Job);
  }

  cancelOne(): void {
    const live = [...this.table.jobs.values()].filter((job) => !hasEnded(job));
    if (live.length === 0) return;
    const job = this.random.pick(live);
    this.table.jobs.set(job.id, { ...job, is_cancel_asked: true });
  }

  /** Kills the broker wherever it is, and starts another. */
  restartBroker(): void {
    this.#broker.abort(new Error("killed"));
    this.#broker = new AbortController();
    const fencing = ++this.table.fencing;
    const engine = createModelEngine(this.swarm, this.clock, this.random, this.engineFaults);
    const store = createMemoryStore(this.table, fencing, this.clock, this.random, this.storeFaults);
    const { signal } = this.#broker;
    const dead = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (of, name) => {
          const call = of[name as keyof T];
          if (typeof call !== "function") return call;
          // A killed process sends nothing more.
          return (...words: unknown[]) => (signal.aborted ? new Promise(() => undefined) : call.apply(of, words));
        },
      });
    const dispatcher = new Dispatcher({
      ...{ engine: dead(engine), store: dead(store), clock: this.clock, settings, fencing },
      blobs: createMemoryBlobs() as never,
      tokens: createTransferTokens("k".repeat(32)),
      log: pino({ level: "silent" }),
      policies: async () =>
        new Map([
          ["a", policy],
          ["b", policy],
        ]),
      changed: () => undefined,
    });
    void this.#dispatch(dispatcher, signal);
  }

  async #dispatch(dispatcher: Dispatcher, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await dispatcher.tick();
      } catch (error) {
        if (error instanceof LeadLostError) return;
      }
      await this.clock.sleep(settings.tick_ms);
    }
  }

  /** A result that was written is never another one later. */
  #assertResultsStay(): void {
    for (const job of this.table.jobs.values()) {
      if (!hasEnded(job)) continue;
      const result = JSON.stringify([job.state, job.outcome, job.exit_code]);
      const first = this.#results.get(job.id) ?? result;
      if (first !== result) throw new Error(`the result of job ${job.id} was ${first} and became ${result}`);
      this.#results.set(job.id, first);
    }
  }

  /** What must hold at every moment (jobs §8); throws with what does not. */
  assert(): void {
    this.#assertResultsStay();
    for (const job of this.table.jobs.values()) {
      const lease = this.table.leases.get(job.id);
      if (!hasEnded(job) && job.state !== "queued" && !lease)
        throw new Error(`job ${job.id} is ${job.state} without a lease`);
      if (job.state === "queued" && lease) throw new Error(`job ${job.id} is queued with a lease`);
      if (hasEnded(job) && lease && !lease.is_hold) throw new Error(`job ${job.id} has ended with its lease`);
      if (!hasEnded(job) && this.clock.now() - job.accepted_ms > end_ms_max)
        throw new Error(`job ${job.id} is ${job.state} past all its deadlines`);
    }
    for (const node of this.nodes) {
      const leases = [...this.table.leases.values()].filter(({ node_id }) => node_id === node.id);
      const sum = (of: (lease: (typeof leases)[number]) => number) =>
        leases.reduce((total, lease) => total + of(lease), 0);
      const memory_bytes = sum((lease) => lease.memory_bytes);
      const isOver = sum(({ cpus }) => cpus) > node.cpus || sum(({ gpu_count }) => gpu_count) > node.gpus.length;
      if (isOver || memory_bytes > node.memory_bytes) {
        throw new Error(`node ${node.name} is leased beyond its capacity`);
      }
      const cpus = [...node.containers.values()].reduce(
        (total, { spec }) => total + (spec.TaskTemplate.Resources?.Limits?.NanoCPUs ?? 0) / 1e9,
        0,
      );
      if (cpus > node.cpus) throw new Error(`containers on ${node.name} have ${cpus} CPUs, it has ${node.cpus}`);
    }
  }

  /** The one result of each job is what its command does, whatever happened around it. */
  assertResults(): void {
    for (const { id, state, outcome, exit_code, spec } of this.table.jobs.values()) {
      const code = Number(spec.command[1]);
      const isRightSuccess = state !== "succeeded" || code === 0;
      const isRightFailure = outcome?.reason?.name !== "exit_code" || (exit_code === code && code !== 0);
      if (!isRightSuccess || !isRightFailure)
        throw new Error(`job ${id} is ${state} with ${exit_code}, its command gives ${code}`);
    }
  }

  /** Whether every job has ended and was cleaned up after, and no capacity is held. */
  isOver(): boolean {
    const { jobs, cleaned, leases } = this.table;
    return leases.size === 0 && [...jobs.values()].every((job) => hasEnded(job) && cleaned.has(job.id));
  }

  /** Nothing may be left when all is over: no live job, lease, service or container of a job. */
  assertQuiet(): void {
    const live = [...this.table.jobs.values()].filter((job) => !hasEnded(job));
    if (live.length > 0) throw new Error(`${live.length} jobs never ended: ${live[0]?.id} is ${live[0]?.state}`);
    if (this.table.leases.size > 0) throw new Error(`${this.table.leases.size} leases are left`);
    const services = [...this.swarm.services.values()].filter(({ spec }) => spec.Labels["platform.kind"] === "job");
    if (services.length > 0) throw new Error(`${services.length} services of jobs are left`);
  }
}
