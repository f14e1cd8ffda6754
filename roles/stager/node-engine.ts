import Docker from "dockerode";
import { label } from "#shared/swarm/labels.ts";

/** What the janitor and the inspection ask of their node's engine. */
export interface NodeEngine {
  /** Names of all volumes that begin with `prefix`. */
  volumeNames(prefix: string): Promise<string[]>;
  removeVolume(name: string): Promise<"removed" | "absent" | "busy">;
  /** All containers of Swarm services, ended ones too. */
  serviceContainers(): Promise<{ readonly id: string; readonly service: string; readonly isRunning: boolean }[]>;
  removeContainer(id: string): Promise<"removed" | "absent" | "busy">;
  containerState(id: string): Promise<ContainerState | null>;
  /** When the engine itself started, by the creation of its default bridge. Null when it has no bridge. */
  startedAt(): Promise<string | null>;
}

export interface ContainerState {
  readonly container_id: string;
  readonly oom_killed: boolean;
  readonly exit_code: number;
  readonly started_at: string;
  readonly finished_at: string;
}

const statusOf = (error: unknown) => (error as { statusCode?: number }).statusCode;

async function removal(work: Promise<unknown>): Promise<"removed" | "absent" | "busy"> {
  try {
    await work;
    return "removed";
  } catch (error) {
    if (statusOf(error) === 404) return "absent";
    if (statusOf(error) === 409) return "busy";
    throw error;
  }
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** The engine behind a unix socket. */
export function nodeEngine(socketPath: string): NodeEngine {
  const docker = new Docker({ socketPath });
  const inspect = (id: string) => unlessAbsent(docker.getContainer(id).inspect());
  return {
    removeVolume: (name) => removal(docker.getVolume(name).remove()),
    async volumeNames(prefix) {
      const { Volumes } = await docker.listVolumes({ filters: { name: [prefix] } });
      return (Volumes ?? []).map(({ Name }) => Name).filter((name) => name.startsWith(prefix));
    },
    removeContainer: (id) => removal(docker.getContainer(id).remove()),
    async serviceContainers() {
      const containers = await docker.listContainers({ all: true, filters: { label: [label.service_name] } });
      return containers.map(({ Id, Labels, State }) => ({
        id: Id,
        service: Labels[label.service_name] ?? "",
        isRunning: ["running", "paused", "restarting"].includes(State),
      }));
    },
    async containerState(id) {
      const found = await inspect(id);
      if (found === null) return null;
      const {
        OOMKilled: oom_killed,
        ExitCode: exit_code,
        StartedAt: started_at,
        FinishedAt: finished_at,
      } = found.State;
      return { container_id: found.Id, oom_killed, exit_code, started_at, finished_at };
    },
    async startedAt() {
      const bridge = await unlessAbsent(docker.getNetwork("bridge").inspect() as Promise<{ Created: string }>);
      return bridge?.Created ?? null;
    },
  };
}
