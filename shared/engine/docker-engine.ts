import { createInterface } from "node:readline";
import { limits } from "../schemas/limits.ts";
import { createDockerCall, type DockerCall } from "./docker-call.ts";
import { demultiplex } from "./docker-logs.ts";
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineVersion,
  type Labels,
  type Network,
  type Service,
  type Task,
} from "./engine.ts";

/** The oldest Engine API that has what jobs need (jobs §6); Docker Engine 26.1. */
export const oldestApiVersion = "1.45";

/**
 * Connects to the Engine at `socketPath` and settles on its API version.
 *
 * @throws EngineError "refused" when it is older than 26.1, "unavailable" when it does not answer
 */
export async function connectEngine(socketPath: string): Promise<Engine> {
  const { ApiVersion, Version } = await createDockerCall(socketPath).json<EngineVersion>("GET", "/version");
  if (!isAtLeast(ApiVersion, oldestApiVersion)) {
    throw new EngineError(
      "refused",
      `Docker Engine ${Version} (API ${ApiVersion}) is too old: 26.1 (API ${oldestApiVersion}) or newer is needed`,
    );
  }
  return createDockerEngine(createDockerCall(socketPath, ApiVersion));
}

/** Compares API versions ("1.9" is older than "1.45"). */
export function isAtLeast(version: string, oldest: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldest.split(".").map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

function createDockerEngine(call: DockerCall): Engine {
  const get: Get = (path, query = {}) => call.json("GET", path, { query });
  return { ...workload(call, get), ...surroundings(call, get), ...thisNode(call, get) };
}

type Get = <T>(path: string, query?: Record<string, unknown>) => Promise<T>;

/** Nodes, services and their tasks. */
function workload(call: DockerCall, get: Get) {
  return {
    version: () => get("/version"),
    swarm: async () => (await get<{ Swarm: Awaited<ReturnType<Engine["swarm"]>> }>("/info")).Swarm,

    nodes: () => get("/nodes"),
    updateNode: (id, version, body) => call.json("POST", `/nodes/${id}/update`, { query: { version }, body }),

    services: (labels) => get<Service[]>("/services", { filters: { label: labelFilter(labels) } }),
    service: (name) => orNull(get<Service>(`/services/${encodeURIComponent(name)}`)),
    createService: async (body, auth) =>
      (await call.json<{ ID: string }>("POST", "/services/create", { body, auth })).ID,
    updateService: (id, version, body, auth) =>
      call.json("POST", `/services/${id}/update`, { query: { version }, body, auth }),
    removeService: (name) => orGone(call.json("DELETE", `/services/${encodeURIComponent(name)}`)),

    tasks: (labels) => get<Task[]>("/tasks", { filters: { label: labelFilter(labels) } }),
    tasksOfService: (name) => get<Task[]>("/tasks", { filters: { service: [name] } }),
    async *taskLogs(taskId, { follow = false, since, tail, signal }) {
      const part = { ...(since ? { since } : {}), ...(tail ? { tail } : {}) };
      const query = { stdout: 1, stderr: 1, timestamps: 1, follow: follow ? 1 : 0, ...part };
      yield* demultiplex(await call.stream("GET", `/tasks/${taskId}/logs`, { query, signal }));
    },
  } satisfies Partial<Engine>;
}

/** What services need around them: networks, secrets, volumes. */
function surroundings(call: DockerCall, get: Get) {
  return {
    networks: async (labels) =>
      (await get<Network[]>("/networks", { filters: { label: labelFilter(labels) } })).map(labelled),
    network: async (name) => {
      const found = await orNull(get<Network>(`/networks/${encodeURIComponent(name)}`, { scope: "swarm" }));
      return found && labelled(found);
    },
    createNetwork: async ({ Name, Labels, Internal, Attachable, Encrypted, Options }) => {
      const options = { ...Options, ...(Encrypted ? { encrypted: "" } : {}) };
      const body = { Name, Labels, Internal, Attachable, Driver: "overlay", Scope: "swarm", Options: options };
      return (await call.json<{ Id: string }>("POST", "/networks/create", { body })).Id;
    },
    removeNetwork: (name) => orGone(call.json("DELETE", `/networks/${encodeURIComponent(name)}`)),
    connectNetwork: (id, Container, { aliases = [], address } = {}) =>
      call.json("POST", `/networks/${id}/connect`, {
        body: {
          Container,
          EndpointConfig: {
            ...(aliases.length > 0 ? { Aliases: aliases } : {}),
            ...(address ? { IPAMConfig: { IPv4Address: address } } : {}),
          },
        },
      }),
    disconnectNetwork: (id, Container) =>
      orGone(call.json("POST", `/networks/${id}/disconnect`, { body: { Container, Force: true } })),

    secrets: (labels) => get("/secrets", { filters: { label: labelFilter(labels) } }),
    createSecret: async (Name, value, Labels) => {
      const body = { Name, Labels, Data: Buffer.from(value).toString("base64") };
      return (await call.json<{ ID: string }>("POST", "/secrets/create", { body })).ID;
    },
    removeSecret: (name) => orGone(call.json("DELETE", `/secrets/${encodeURIComponent(name)}`)),

    volumes: async (labels) =>
      (
        await get<{ Volumes: Awaited<ReturnType<Engine["volumes"]>> | null }>("/volumes", {
          filters: { label: labelFilter(labels) },
        })
      ).Volumes ?? [],
    createVolume: (Name, Labels) => call.json("POST", "/volumes/create", { body: { Name, Labels } }),
    removeVolume: (name) => orGone(call.json("DELETE", `/volumes/${encodeURIComponent(name)}`)),
  } satisfies Partial<Engine>;
}

/** The engine answers null for a Swarm network without labels. */
function labelled(network: Network): Network {
  return { ...network, Labels: network.Labels ?? {} };
}

/** When a registry refuses the account, the engine answers 500: only the text tells this case apart (engine 26.1). */
function asRegistryRefusal(error: unknown): never {
  if (
    error instanceof EngineError &&
    /no basic auth credentials|unauthorized|access denied|denied:/i.test(error.message)
  )
    throw new EngineError("refused", error.message, { cause: error });
  throw error;
}

/** What belongs to this node: containers, images, events. */
function thisNode(call: DockerCall, get: Get) {
  return {
    containers: (labels, { all = false } = {}) =>
      get("/containers/json", { all: all ? 1 : 0, filters: { label: labelFilter(labels) } }),
    image: async (reference) => {
      const found = await orNull(
        get<{ Id: string; RepoTags?: string[]; RepoDigests?: string[]; Config?: { Labels?: Labels | null } }>(
          `/images/${reference}/json`,
        ),
      );
      return found
        ? {
            Id: found.Id,
            RepoTags: found.RepoTags ?? [],
            RepoDigests: found.RepoDigests ?? [],
            Labels: found.Config?.Labels ?? {},
          }
        : null;
    },
    remoteDigest: async (reference, auth) =>
      (
        await call
          .json<{ Descriptor: { digest: string } }>("GET", `/distribution/${reference}/json`, { auth })
          .catch(asRegistryRefusal)
      ).Descriptor.digest,
    loadImage: async (file) => {
      const answer = await call.stream("POST", "/images/load", {
        file,
        signal: AbortSignal.timeout(limits.engine.image_load_ms_max),
      });
      await readLoadAnswer(answer);
    },
    removeImage: (reference) => orGone(call.json("DELETE", `/images/${reference}`)),

    async *events(types, signal) {
      const query = { filters: { type: types } };
      const answer = await call.stream("GET", "/events", { query, signal });
      for await (const line of createInterface({ input: answer })) yield JSON.parse(line) as EngineEvent;
    },
  } satisfies Partial<Engine>;
}

function labelFilter(labels: Labels): string[] {
  return Object.entries(labels).map(([name, value]) => (value === "" ? name : `${name}=${value}`));
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof EngineError && error.fault === "not_found") return null;
    throw error;
  }
}

async function orGone(answer: Promise<unknown>): Promise<void> {
  await orNull(answer);
}

/** The Engine reports a failed load inside a 200: the last message with an `error` member. */
async function readLoadAnswer(answer: AsyncIterable<Buffer>): Promise<void> {
  let text = "";
  for await (const piece of answer) text += piece.toString();
  const error = text.split("\n").find((line) => line.includes('"error"'));
  if (error) throw new EngineError("refused", (JSON.parse(error) as { error: string }).error);
}
