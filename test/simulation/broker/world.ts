import pino from "pino";
import { LeadLostError } from "#shared/database/lead.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { hasEnded } from "#shared/schemas/job.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import { Dispatcher } from "../../../roles/broker/leader/tick.ts";
import { featuresOf } from "../../../roles/broker/swarm/engine-features.ts";
import { createTransferTokens } from "../../../roles/broker/transfers/tokens.ts";
import { reapOverdueJobs } from "../../../roles/supervisor/workers/overdue-jobs.ts";
import { createModelEngine, type EngineFaults, type ModelNetworks } from "../model/model-engine.ts";
import type { ModelNode } from "../model/model-objects.ts";
import { ModelSwarm } from "../model/model-swarm.ts";
import { createRandom, type Random } from "../model/random.ts";
import { VirtualClock } from "../model/virtual-clock.ts";
import { BrokerProcess } from "./broker-process.ts";
import { Containers, type StagerFaults } from "./containers.ts";
import { checkEnd, Invariants } from "./invariants.ts";
import {
  createJobsTable,
  createMemoryBlobs,
  createMemoryLogs,
  createMemoryReapStore,
  createMemoryStore,
  type JobsTable,
  type StoreFaults,
} from "./memory-store.ts";
import { jobOf, randomRequest, timeout_seconds_max } from "./random-job.ts";

const settings = {
  stager_image: "stager",
  transfer_url: "http://broker:8083",
  encrypted_overlays: false,
  tick_ms: 200,
  queued_ms: 600_000,
  staging_ms: 60_000,
  starting_ms: 120_000,
  collecting_ms: 60_000,
  volume_ms: 120_000,
  node_lost_ms: 60_000,
};
/** Pause between two rounds of the supervisor. */
const supervise_ms = 2_000;
const policy = {
  queued_max: 1_000,
  share_weight: 1,
  gpu_count_max: 2,
  image_allowlist: [],
  allow_egress: false,
  networks: [],
  data_volumes: [],
  allow_tmpfs_exec: false,
  queueing: true,
  blob_bytes_max: 1,
};
/** The sum of a job's deadlines, and two minutes for acts that are under way when one passes. */
const end_ms_max =
  settings.queued_ms +
  settings.staging_ms +
  settings.starting_ms +
  timeout_seconds_max * 1_000 +
  settings.collecting_ms +
  120_000;

/** Production's dispatcher on a model Swarm. Everything around it comes from one seed. */
export class BrokerWorld {
  readonly clock = new VirtualClock();
  readonly table: JobsTable = createJobsTable();
  readonly swarm: ModelSwarm;
  readonly random: Random;
  readonly engineFaults: EngineFaults = { call_failure: 0, log_hang: 0, isDown: false };
  readonly storeFaults: StoreFaults = { call_failure: 0 };
  readonly stagerFaults: StagerFaults = { failure: 0 };
  readonly nodes: ModelNode[];
  /** A hash over every call to engine and database, in order. */
  trace = 0n;
  /** How many times each call was made. */
  readonly calls = new Map<string, number>();
  readonly #networks: ModelNetworks = new Map();
  readonly #logs = createMemoryLogs();
  readonly #jobs: Random;
  readonly #running_max: number;
  readonly #invariants = new Invariants();
  #broker: BrokerProcess | null = null;
  /** For how long no broker ran, in all. */
  #absent_ms = 0;
  /** Since when the engine and all nodes have been up. */
  #steady_since_ms = 0;
  #healthy_since_ms = 0;
  #serial = 0;

  /** `slow_pulls` is the probability that an image is not on its node yet. */
  constructor(seed: number, { cpus = 4, running_max = 6, slow_pulls = 0.1 } = {}) {
    this.#running_max = running_max;
    this.random = createRandom(seed);
    this.#jobs = createRandom(seed ^ 0x5eed);
    const containers = new Containers(this.clock, this.random, this.table, this.stagerFaults);
    this.swarm = new ModelSwarm(this.clock, this.random, (spec) => ({
      pull_ms: this.random.chance(slow_pulls) ? this.random.between(1_000, 20_000) : this.random.between(5, 50),
      run: (container) => containers.run(spec, container),
    }));
    this.nodes = [
      this.swarm.addNode("cpu-1", { "platform.workload": "cpu" }, { cpus }),
      this.swarm.addNode("cpu-2", { "platform.workload": "cpu" }, { cpus }),
      this.swarm.addNode("gpu-1", { "platform.workload": "gpu" }, { gpus: ["GPU-0", "GPU-1"] }),
    ];
  }

  /** Adds a queued job: `request`, or a random one. */
  submit(request?: object): void {
    this.#serial += 1;
    const [now_ms, { queued_ms }] = [this.clock.now(), settings];
    const job = jobOf(request ?? randomRequest(this.#jobs), { serial: this.#serial, now_ms, queued_ms }, this.#jobs);
    this.table.jobs.set(job.id, job);
    this.table.came_ms.set(job.id, this.clock.monotonic());
    this.table.clockOffsets.set(job.id, clockOffset(this.clock).clock_offset_ms);
  }

  cancelOne(pick: number): void {
    const live = [...this.table.jobs.values()].filter((job) => !hasEnded(job));
    const job = live[pick % live.length];
    if (job) this.table.jobs.set(job.id, { ...job, is_cancel_asked: true });
  }

  /** Somebody removes a job's service by hand. */
  removeOneService(pick: number): void {
    const services = [...this.swarm.services.values()];
    const service = services[pick % services.length];
    if (!service) return;
    this.swarm.removeService(service.id);
    this.table.meddled.add(service.spec.Labels["platform.id"] ?? "");
  }

  /** Kills the broker at whatever it is doing, and starts another. */
  restartBroker(): void {
    this.#broker?.kill();
    this.#broker = this.#startBroker();
    this.unsettle();
  }

  /** Stalls the broker's process for a while, like a swapping machine. Another takes over, then the first goes on. */
  stallBroker(ms: number): void {
    const stalled = this.#broker;
    stalled?.stall(ms);
    this.#broker = this.#startBroker();
    this.unsettle();
  }

  /** Kills the broker, and starts another only after a while. Meanwhile only the supervisor runs. */
  leaveAlone(ms: number): void {
    this.#broker?.kill();
    this.#broker = null;
    this.#absent_ms += ms;
    this.clock.after(ms, () => {
      if (!this.#broker) this.restartBroker();
    });
    this.unsettle();
  }

  /** An administrator wants the worker empty in `ms`. */
  closeWorker(id: string, ms: number): void {
    this.table.closing.set(id, this.clock.now() + ms);
    this.table.clockOffsets.set(id, clockOffset(this.clock).clock_offset_ms);
  }

  /** The supervisor's rounds, only their part about jobs. */
  async supervise(): Promise<void> {
    const engine = createModelEngine(this.swarm, this.random, this.engineFaults, this.#networks);
    const store = createMemoryReapStore(this.table);
    const log = pino({ level: "silent" });
    for (;;) {
      await reapOverdueJobs(engine, store, log, this.clock).catch(() => undefined);
      await this.clock.sleep(supervise_ms);
    }
  }

  /** Restarts the time for which all has been healthy. */
  unsettle(): void {
    this.#healthy_since_ms = this.clock.monotonic();
  }

  #startBroker(): BrokerProcess {
    const fencing = ++this.table.fencing;
    const broker = new BrokerProcess(this.clock, (name, of) => {
      const what = `${name} ${of}`;
      this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
      this.trace = Bun.hash(`${this.trace} ${this.clock.monotonic()} ${what}`) as bigint;
    });
    const engine: Engine = createModelEngine(this.swarm, this.random, this.engineFaults, this.#networks);
    const { clock, random, storeFaults } = this;
    const store = createMemoryStore(this.table, fencing, { clock, random, faults: storeFaults });
    const dispatcher = new Dispatcher({
      engine: broker.through(engine),
      store: broker.through(store),
      clock: this.clock,
      settings,
      fencing,
      features: featuresOf("1.45"),
      registryAuthOf: async () => undefined,
      confirm: broker.through({
        confirm: async () => {
          if (this.table.fencing !== fencing) throw new LeadLostError("another leads");
        },
      }).confirm,
      blobs: createMemoryBlobs(),
      logs: this.#logs,
      tokens: createTransferTokens("k".repeat(32)),
      log: pino({ level: "silent" }),
      policies: async () =>
        new Map([
          ["a", { ...policy, running_max: this.#running_max }],
          ["b", { ...policy, running_max: this.#running_max }],
        ]),
      changed: () => undefined,
    });
    void broker.run(dispatcher, settings.tick_ms);
    return broker;
  }

  /** Checks what must hold at every moment (jobs §8). @throws Error that says what does not hold */
  assert(): void {
    const { engineFaults, storeFaults, stagerFaults, clock } = this;
    const isWell = engineFaults.call_failure + engineFaults.log_hang + storeFaults.call_failure === 0;
    if (!isWell || this.#broker === null || engineFaults.isDown || stagerFaults.failure > 0) this.unsettle();
    const isSteady = !engineFaults.isDown && this.nodes.every(({ state }) => state === "ready");
    if (!isSteady) this.#steady_since_ms = clock.monotonic();
    this.#invariants.check({
      table: this.table,
      swarm: this.swarm,
      nodes: this.nodes,
      end_ms_max: end_ms_max + this.#absent_ms,
      steady_ms: clock.monotonic() - this.#steady_since_ms,
      now_ms: clock.now(),
      monotonic_ms: clock.monotonic(),
      healthy_ms: clock.monotonic() - this.#healthy_since_ms,
    });
  }

  /** Whether every job has ended and is cleaned up, and no capacity is held. */
  isOver(): boolean {
    const { jobs, cleaned, leases } = this.table;
    return leases.size === 0 && [...jobs.values()].every((job) => hasEnded(job) && cleaned.has(job.id));
  }

  assertEnd(): void {
    checkEnd(this, this.#networks.size);
  }
}
