import { EngineError, type ServiceSpec, type TaskState } from "#shared/engine/engine.ts";
import {
  completions,
  delays,
  late_kill_ms_max,
  type ModelContainer,
  type ModelNode,
  type ModelService,
  type ModelTask,
  meetsConstraints,
  newContainer,
  newNode,
  newTask,
  type ProgramOf,
  terminal,
  wantedGpus,
} from "./model-objects.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** A Swarm in memory, with Swarm's traps: second runs, flips of finished tasks, tasks left running on dead nodes. */
export class ModelSwarm {
  readonly clock: VirtualClock;
  readonly #random: Random;
  readonly #programOf: ProgramOf;
  readonly nodes = new Map<string, ModelNode>();
  readonly services = new Map<string, ModelService>();
  /** Every container that was ever started, for the invariants. */
  readonly started: ModelContainer[] = [];
  #serial = 0;

  constructor(clock: VirtualClock, random: Random, programOf: ProgramOf) {
    this.clock = clock;
    this.#random = random;
    this.#programOf = programOf;
  }

  id(kind: string): string {
    return `${kind}${String(++this.#serial).padStart(6, "0")}`;
  }

  addNode(
    name: string,
    labels: Record<string, string>,
    { cpus = 4, memory_bytes = 8 * 2 ** 30, gpus = [] as readonly string[] } = {},
  ): ModelNode {
    const node = newNode({
      id: this.id("node"),
      name,
      labels,
      cpus,
      memory_bytes,
      gpus,
      created_at_ms: this.clock.now(),
    });
    this.nodes.set(node.id, node);
    return node;
  }

  createService(spec: ServiceSpec): ModelService {
    if (this.serviceNamed(spec.Name))
      throw new EngineError("conflict", `name conflicts with an existing object: service ${spec.Name} already exists`);
    const service: ModelService = {
      id: this.id("service"),
      spec,
      version: 1,
      created_at_ms: this.clock.now(),
      tasks: [],
      isRemoved: false,
    };
    this.services.set(service.id, service);
    this.#addTask(service);
    return service;
  }

  serviceNamed(nameOrId: string): ModelService | undefined {
    return this.services.get(nameOrId) ?? [...this.services.values()].find((service) => service.spec.Name === nameOrId);
  }

  /** Updates a service. An updated job starts anew, unless it wants no completions: then it is stopped (jobs §3). */
  updateService(id: string, version: number, spec: ServiceSpec): void {
    const service = this.serviceNamed(id);
    if (!service) throw new EngineError("not_found", `service ${id} not found`);
    if (service.version !== version)
      throw new EngineError("conflict", "rpc error: code = Unknown desc = update out of sequence");
    service.spec = spec;
    service.version += 1;
    if (completions(service) > 0) this.#addTask(service);
    else for (const task of service.tasks) this.#stop(task, "shutdown");
  }

  removeService(nameOrId: string): void {
    const service = this.serviceNamed(nameOrId);
    if (!service) return;
    service.isRemoved = true;
    this.services.delete(service.id);
    for (const task of service.tasks) {
      if (task.container) task.node?.remains.delete(task.container.id);
      this.#stop(task, "remove");
    }
  }

  /** Runs every unsealed job again whose last task failed or was turned into rejected. */
  restartManager(): void {
    for (const service of this.services.values()) {
      const last = service.tasks.at(-1);
      if (last && completions(service) > 0 && ["failed", "rejected"].includes(last.state)) this.#addTask(service);
    }
  }

  /** The constraint enforcer at a node update: it may turn a complete task into rejected. */
  updateNode(node: ModelNode): void {
    node.version += 1;
    for (const service of this.services.values()) {
      const last = service.tasks.at(-1);
      if (last?.node === node && last.state === "complete" && this.#random.chance(0.5)) {
        this.#report(last, "rejected", "assigned node no longer meets constraints");
      }
    }
  }

  /** A power cut. Containers are gone at once. The manager notices later, and leaves the tasks as they were. */
  killNode(node: ModelNode): void {
    node.isUp = false;
    for (const container of [...node.containers.values()]) this.#end(container, { exit_code: 137, isOom: false }, true);
    node.containers.clear();
    this.#noticeLater(node);
  }

  drainNode(node: ModelNode): void {
    node.availability = "drain";
    node.version += 1;
  }

  /** Removes the node from the Swarm for good. */
  removeNode(node: ModelNode): void {
    this.killNode(node);
    this.nodes.delete(node.id);
  }

  cutNode(node: ModelNode): void {
    node.isLinked = false;
    this.#noticeLater(node);
  }

  /** Brings the node back. It reports its tasks; one whose container is gone is "failed" with exit code 0. */
  restoreNode(node: ModelNode): void {
    if (!node.isUp) node.engine_started_ms = this.clock.monotonic();
    node.isUp = true;
    node.isLinked = true;
    this.clock.after(delays.report_ms, () => {
      if (!node.isUp || !node.isLinked) return;
      node.state = "ready";
      node.availability = "active";
      node.version += 1;
      for (const task of this.allTasks()) if (task.node === node && !terminal.has(task.state)) this.#catchUp(task);
      for (const container of [...node.containers.values()])
        if (container.task.service.isRemoved) this.#kill(container, this.#random.between(0, late_kill_ms_max));
    });
  }

  allTasks(): ModelTask[] {
    return [...this.services.values()].flatMap(({ tasks }) => tasks);
  }

  #noticeLater(node: ModelNode): void {
    this.clock.after(delays.node_down_ms, () => {
      if (node.isUp && node.isLinked) return;
      node.state = "down";
      node.version += 1;
    });
  }

  #addTask(service: ModelService): void {
    const task = newTask(this.id("task"), service, this.clock);
    service.tasks.push(task);
    this.clock.after(delays.schedule_ms, () => this.#schedule(task));
  }

  #schedule(task: ModelTask): void {
    if (task.desired !== "complete" || terminal.has(task.state)) return;
    const { spec } = task.service;
    const wanted = wantedGpus(spec);
    const node = [...this.nodes.values()].find((candidate) => this.#fits(candidate, spec, wanted));
    if (!node) {
      this.#report(task, "pending", "no suitable node");
      this.clock.after(1_000, () => this.#schedule(task));
      return;
    }
    task.node = node;
    task.gpus = this.#freeGpus(node).slice(0, wanted);
    this.#report(task, "assigned");
    this.clock.after(delays.assign_ms, () => void this.#run(task, node));
  }

  #fits(node: ModelNode, spec: ServiceSpec, gpus: number): boolean {
    if (node.state !== "ready" || node.availability !== "active") return false;
    return meetsConstraints(node, spec) && this.#freeGpus(node).length >= gpus;
  }

  #freeGpus(node: ModelNode): string[] {
    const taken = new Set(
      this.allTasks().flatMap((task) => (task.node === node && !terminal.has(task.state) ? task.gpus : [])),
    );
    return node.gpus.filter((gpu) => !taken.has(gpu));
  }

  async #run(task: ModelTask, node: ModelNode): Promise<void> {
    const { pull_ms, run } = this.#programOf(task.service.spec);
    this.#report(task, "preparing");
    await this.clock.sleep(pull_ms);
    if (task.desired !== "complete" || !node.isUp || terminal.has(task.state)) return;
    const container = newContainer(this.id("container"), task, node, this.clock.monotonic());
    task.container = container;
    node.containers.set(container.id, container);
    for (const { Type, Source } of task.service.spec.TaskTemplate.ContainerSpec.Mounts ?? [])
      if (Type === "volume" && Source) node.volumes.add(Source);
    this.started.push(container);
    this.#report(task, "running");
    try {
      const { exit_code, isOom = false } = await run(container);
      this.#end(container, { exit_code, isOom });
    } catch (error) {
      if (container.ended) return;
      node.containers.delete(container.id);
      container.ended = { exit_code: 128, isOom: false, refusal: (error as Error).message };
      this.#reportEndOf(container);
    }
  }

  #end(container: ModelContainer, ended: NonNullable<ModelContainer["ended"]>, isSilent = false): void {
    if (container.ended) return;
    container.ended = ended;
    container.node.containers.delete(container.id);
    if (!container.task.service.isRemoved) container.node.remains.set(container.id, container);
    container.killed.abort(new Error("killed"));
    for (const wake of container.listeners) wake();
    if (!isSilent) this.#reportEndOf(container);
  }

  #reportEndOf({ task, ended }: ModelContainer): void {
    if (!ended) return;
    if (ended.refusal !== undefined) this.#reportEnd(task, "failed", ended.refusal, 128);
    else if (ended.exit_code === 0) this.#reportEnd(task, "complete", "", 0);
    else this.#reportEnd(task, "failed", `task: non-zero exit (${ended.exit_code})`, ended.exit_code);
  }

  #reportEnd(task: ModelTask, state: TaskState, error: string, exit_code: number): void {
    const { node } = task;
    if (!node?.isUp || !node.isLinked) return;
    this.clock.after(delays.report_ms, () => {
      if (!node.isLinked || terminal.has(task.state)) return;
      task.exit_code = exit_code;
      this.#report(task, task.desired === "complete" ? state : "shutdown", error);
    });
  }

  #catchUp(task: ModelTask): void {
    const { container } = task;
    if (container?.node.containers.has(container.id)) {
      if (task.desired !== "complete") this.#kill(container, this.#random.between(0, late_kill_ms_max));
      return;
    }
    const isSameEngine = container !== null && container.started_at_ms >= container.node.engine_started_ms;
    if (container?.ended && (isSameEngine || container.ended.exit_code !== 137)) {
      this.#reportEndOf(container);
    } else if (container && this.#random.chance(0.5)) {
      // An engine does not know how a container ended that is gone.
      task.exit_code = 255;
      this.#report(task, "failed", "task: non-zero exit (255)");
    } else {
      task.exit_code = 0;
      this.#report(task, "failed", container ? `No such container: ${container.id}` : "node restarted");
    }
  }

  #stop(task: ModelTask, desired: "shutdown" | "remove"): void {
    task.desired = desired;
    if (terminal.has(task.state)) return;
    const { container } = task;
    if (container && task.node?.containers.has(container.id)) {
      if (task.node.isLinked) this.#kill(container);
      return;
    }
    this.#report(task, "shutdown");
  }

  #kill(container: ModelContainer, late_ms = 0): void {
    this.clock.after(delays.report_ms + late_ms, () => this.#end(container, { exit_code: 137, isOom: false }));
  }

  #report(task: ModelTask, state: TaskState, error = ""): void {
    task.state = state;
    task.error = error;
    task.changed_at_ms = this.clock.now();
    task.changed_monotonic_ms = this.clock.monotonic();
  }
}
