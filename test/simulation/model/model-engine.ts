import {
  type Container,
  type Engine,
  EngineError,
  type LogChunk,
  type Network,
  type NetworkSpec,
} from "#shared/engine/engine.ts";
import type { ModelContainer } from "./model-objects.ts";
import { asNode, asService, asTask } from "./model-objects.ts";
import type { ModelSwarm } from "./model-swarm.ts";
import type { Random } from "./random.ts";

export interface EngineFaults {
  /** Probability that a call fails, with no sign whether it takes effect. */
  call_failure: number;
  /** Probability that a read of a log yields nothing and never ends. */
  log_hang: number;
  /** The engine does not answer at all. */
  isDown: boolean;
}

function attempt(act: () => unknown): void {
  try {
    act();
  } catch {
    // The caller has already failed.
  }
}

export type ModelNetworks = Map<string, Network>;

/** Waits for more of a container's log, or its end; rejects with the signal. */
function grown({ listeners }: ModelContainer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (act: () => void) => () => {
      listeners.delete(wake);
      act();
    };
    const wake = settled(resolve);
    signal.addEventListener(
      "abort",
      settled(() => reject(signal.reason)),
      { once: true },
    );
    listeners.add(wake);
  });
}

type Labels = Readonly<Record<string, string>>;

/** The longest delay of a late call. A successor waits longer for a service that a former leader may have created (jobs §3). */
const late_ms_max = 9_000;
const call_ms = { min: 1, max: 8 } as const;

/** The Engine interface over a model Swarm. Answers take 1 to 8 ms, and fail as `faults` says. */
export function createModelEngine(
  swarm: ModelSwarm,
  random: Random,
  faults: EngineFaults,
  networks: ModelNetworks = new Map(),
): Engine {
  const { clock } = swarm;
  const call = async <T>(act: () => T): Promise<T> => {
    await clock.sleep(random.between(call_ms.min, call_ms.max));
    if (faults.isDown) throw new EngineError("unavailable", "connect ECONNREFUSED");
    if (!random.chance(faults.call_failure)) return act();
    // The failed call has no effect, or took effect, or takes effect seconds later.
    const late_ms = random.pick([null, 0, random.between(100, late_ms_max)]);
    if (late_ms !== null) clock.after(late_ms, () => void attempt(act));
    throw new EngineError("unavailable", "socket hang up");
  };
  const carries = (labels: Labels | undefined, wanted: Labels) =>
    Object.entries(wanted).every(
      ([name, value]) => labels?.[name] !== undefined && (value === "" || labels[name] === value),
    );
  const serviceList = () => [...swarm.services.values()];
  const networkNamed = (name: string) =>
    networks.get(name) ?? [...networks.values()].find((network) => network.Name === name);
  const notModelled = (what: string) => async (): Promise<never> => {
    throw new Error(`the model has no ${what}`);
  };

  return {
    version: () => call(() => ({ Version: "26.1.5", ApiVersion: "1.45" })),
    swarm: () =>
      call(() => ({ NodeID: "manager", LocalNodeState: "active", ControlAvailable: true, NodeAddr: "10.0.0.1" })),
    nodes: () => call(() => [...swarm.nodes.values()].map(asNode)),
    updateNode: (id, _version, spec) =>
      call(() => {
        const node = swarm.nodes.get(id);
        if (!node) throw new EngineError("not_found", `node ${id} not found`);
        node.labels = { ...spec.Labels };
        node.availability = spec.Availability;
        swarm.updateNode(node);
      }),

    services: (labels) =>
      call(() =>
        serviceList()
          .filter((service) => carries(service.spec.Labels, labels))
          .map(asService),
      ),
    service: (name) =>
      call(() => {
        const found = swarm.serviceNamed(name);
        return found ? asService(found) : null;
      }),
    createService: (spec) => call(() => swarm.createService(spec).id),
    updateService: (id, version, spec) => call(() => swarm.updateService(id, version, spec)),
    removeService: (name) => call(() => swarm.removeService(name)),
    tasks: (labels) =>
      call(() =>
        swarm
          .allTasks()
          .filter((task) => carries(task.service.spec.Labels, labels))
          .map(asTask),
      ),
    tasksOfService: (name) =>
      call(() => {
        const found = swarm.serviceNamed(name);
        if (!found) throw new EngineError("not_found", `service ${name} not found`);
        return found.tasks.map(asTask);
      }),

    async *taskLogs(taskId, { follow = false, since = 0, signal }): AsyncGenerator<LogChunk> {
      await call(() => undefined);
      if (random.chance(faults.log_hang)) await clock.sleep(3_600_000, signal);
      const container = swarm.allTasks().find((task) => task.id === taskId)?.container;
      if (!container?.node.isLinked) return;
      for (let sent = 0; ; ) {
        for (; sent < container.log.length; sent += 1) {
          const line = container.log[sent];
          if (!line || line.time_ms / 1_000 < since) continue;
          yield {
            stream: "stdout",
            time: new Date(line.time_ms).toISOString(),
            bytes: new TextEncoder().encode(line.text),
          };
        }
        if (!follow || container.ended) return;
        await grown(container, signal);
      }
    },

    networks: (labels) => call(() => [...networks.values()].filter((network) => carries(network.Labels, labels))),
    network: (name) => call(() => networkNamed(name) ?? null),
    createNetwork: (spec: NetworkSpec) =>
      call(() => {
        if (networkNamed(spec.Name)) throw new EngineError("conflict", `network with name ${spec.Name} already exists`);
        const id = swarm.id("network");
        networks.set(id, {
          Id: id,
          Name: spec.Name,
          Created: new Date(clock.now()).toISOString(),
          Labels: spec.Labels,
          Internal: spec.Internal,
        });
        return id;
      }),
    removeNetwork: (name) =>
      call(() => {
        const found = networkNamed(name);
        if (!found) return;
        const isUsed = serviceList().some((service) =>
          service.spec.TaskTemplate.Networks?.some(({ Target }) => Target === found.Id || Target === found.Name),
        );
        if (isUsed) throw new EngineError("refused", `network ${found.Name} is in use by service`);
        networks.delete(found.Id);
      }),
    connectNetwork: notModelled("attaching"),
    disconnectNetwork: notModelled("detaching"),

    secrets: () => call(() => []),
    createSecret: notModelled("secrets"),
    removeSecret: notModelled("secrets"),
    volumes: () => call(() => []),
    createVolume: notModelled("volumes of the manager"),
    removeVolume: notModelled("volumes of the manager"),
    containers: () => call((): Container[] => []),
    image: (reference) =>
      call(() => ({ Id: `sha256:${reference}`, RepoTags: [reference], RepoDigests: [], Labels: {} })),
    remoteDigest: (reference) => call(() => `sha256:${reference}`),
    loadImage: notModelled("image loading"),
    removeImage: notModelled("image removal"),
    async *events() {
      // Swarm has no task events; the broker does not listen for others.
    },
  };
}
