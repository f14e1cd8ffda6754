import type {
  Container,
  EngineEvent,
  EngineVersion,
  Labels,
  LocalImage,
  LogChunk,
  LogOptions,
  Network,
  NetworkEndpoint,
  NetworkSpec,
  RegistryAuth,
  Secret,
  Service,
  ServiceSpec,
  SwarmNode,
  SwarmState,
  Task,
  Volume,
} from "./objects.ts";

export type * from "./objects.ts";

/**
 * The Docker Engine as the platform uses it: plain calls with plain data in the Engine API's own shapes (only the members
 * we read), every call bounded in time. The implementation is `docker-engine.ts`; the simulator has a model of its own.
 */
export interface Engine {
  version(): Promise<EngineVersion>;
  swarm(): Promise<SwarmState>;

  nodes(): Promise<readonly SwarmNode[]>;
  /** Replaces a node's labels; the caller writes only where they differ. */
  updateNode(id: string, version: number, spec: SwarmNode["Spec"]): Promise<void>;

  services(labels: Labels): Promise<readonly Service[]>;
  service(nameOrId: string): Promise<Service | null>;
  /** @throws EngineError "conflict" when the name exists */
  createService(spec: ServiceSpec, auth?: RegistryAuth): Promise<string>;
  /** @throws EngineError "conflict" when `version` is out of date ("update out of sequence") */
  updateService(id: string, version: number, spec: ServiceSpec, auth?: RegistryAuth): Promise<void>;
  /** Removing what does not exist is no error, here and below. */
  removeService(nameOrId: string): Promise<void>;

  /** All tasks of services with these labels, in whatever state. */
  tasks(labels: Labels): Promise<readonly Task[]>;
  /** @throws EngineError not_found where there is no such service */
  tasksOfService(nameOrId: string): Promise<readonly Task[]>;
  /** Log of one task, demultiplexed and with time stamps; ends with the stream's end or `signal`. */
  taskLogs(taskId: string, options: LogOptions): AsyncIterable<LogChunk>;

  networks(labels: Labels): Promise<readonly Network[]>;
  network(name: string): Promise<Network | null>;
  createNetwork(spec: NetworkSpec): Promise<string>;
  removeNetwork(nameOrId: string): Promise<void>;
  /** At `address`, or one that the engine chooses. */
  connectNetwork(networkId: string, containerId: string, options?: NetworkEndpoint): Promise<void>;
  disconnectNetwork(networkId: string, containerId: string): Promise<void>;

  secrets(labels: Labels): Promise<readonly Secret[]>;
  createSecret(name: string, value: string, labels: Labels): Promise<string>;
  removeSecret(nameOrId: string): Promise<void>;

  volumes(labels: Labels): Promise<readonly Volume[]>;
  createVolume(name: string, labels: Labels): Promise<void>;
  removeVolume(name: string): Promise<void>;

  /** Containers of this node; only running ones unless `all`. */
  containers(labels: Labels, options?: { readonly all?: boolean }): Promise<readonly Container[]>;
  /** The local image, or null. */
  image(reference: string): Promise<LocalImage | null>;
  /** Digest that the registry has for the reference. @throws EngineError "not_found" or "refused" */
  remoteDigest(reference: string, auth?: RegistryAuth): Promise<string>;
  loadImage(tarPath: string): Promise<void>;
  removeImage(reference: string): Promise<void>;

  /** Engine events of these types as they come, from the moment of the call; ends with `signal` or the connection. */
  events(
    types: readonly ("container" | "network" | "node" | "service")[],
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
}

export type EngineFault = "not_found" | "conflict" | "refused" | "unavailable";

/** What the Engine answered. `unavailable` also means that nobody knows whether the call took effect. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly fault: EngineFault;
  constructor(fault: EngineFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
