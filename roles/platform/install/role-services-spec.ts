import type { ContainerSpec, Mount, ServiceSpec } from "#shared/engine/engine.ts";
import { devchainUrl, ports, proxyUrl } from "#shared/swarm/addresses.ts";
import {
  environmentOf,
  hardened,
  imageUser,
  localLog,
  secretsFolder,
  temporaryFolder,
} from "#shared/swarm/container.ts";
import { label, managed } from "#shared/swarm/labels.ts";
import { network, roleName } from "#shared/swarm/names.ts";

/** All values that the services of an installation are made from. Nothing is left to decide. */
export interface RolePlan {
  /** Image IDs by role. */
  readonly images: Readonly<Record<string, string>>;
  readonly node_id: string;
  readonly netuid: number;
  readonly proxy_port: number;
  /** Null: the development chain runs here, together with a submitter that has the hotkey of its validator. */
  readonly chain_endpoints: readonly string[] | null;
  readonly uses_embedded_database: boolean;
  readonly epoch_seconds: number;
  readonly block_ms: number;
  /** The engine's socket on the manager, and the group that may use it. */
  readonly docker_socket: string;
  readonly docker_socket_group: number;
  readonly areOverlaysEncrypted: boolean;
  /** The public key that verifies sealed vectors, in hex. */
  readonly vector_public_key: string;
  /** IDs and names of our Swarm secrets, by file name. */
  readonly secrets: Readonly<Record<string, { readonly id: string; readonly name: string }>>;
}

interface RoleService {
  readonly role: string;
  readonly networks: readonly string[];
  readonly env?: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly string[];
  readonly mounts?: readonly Mount[];
  readonly groups?: readonly string[];
  readonly port?: { readonly inside: number; readonly published: number };
  readonly memory_bytes?: number;
}

const run = "/run/platform";
const MiB = 2 ** 20;

/** The services of the roles on the manager. Each has only the privileges that it needs (architecture §2). */
export function roleServices(plan: RolePlan): ServiceSpec[] {
  const database = plan.uses_embedded_database ? [socketFolder("postgres")] : [];
  const control = plan.uses_embedded_database ? [network.control] : [network.control, network.public];
  const databaseSecrets = ["database_url", "master_key"];
  const endpoints = plan.chain_endpoints ?? [devchainUrl];
  const services: RoleService[] = [
    {
      role: "admin",
      networks: control,
      secrets: databaseSecrets,
      mounts: [socketFolder("admin"), socketFolder("public"), ...database],
      env: { PLATFORM_NETUID: plan.netuid },
    },
    {
      role: "broker",
      networks: [...control, network.transfer],
      secrets: databaseSecrets,
      mounts: [
        socketFolder("broker"),
        ...database,
        { Type: "bind", Source: plan.docker_socket, Target: "/var/run/docker.sock" },
        volume("platform_blobs"),
      ],
      groups: [String(plan.docker_socket_group)],
      env: {
        PLATFORM_BLOB_DIRECTORY: "/data",
        PLATFORM_TRANSFER_NETWORK: network.transfer,
        PLATFORM_STAGER_IMAGE: plan.images["stager"] ?? "",
        PLATFORM_ENCRYPTED_OVERLAYS: String(plan.areOverlaysEncrypted),
      },
      memory_bytes: 1024 * MiB,
    },
    {
      role: "proxy",
      networks: [network.public],
      secrets: databaseSecrets,
      mounts: [socketFolder("proxy"), socketFolder("public"), ...database],
      env: { PLATFORM_NETUID: plan.netuid, ...promptCollection(512 * MiB) },
      memory_bytes: 512 * MiB,
      port: { inside: ports.proxy, published: plan.proxy_port },
    },
    {
      role: "aggregator",
      networks: [network.control, network.public],
      secrets: databaseSecrets,
      mounts: [socketFolder("aggregator"), ...database],
      env: {
        PLATFORM_NETUID: plan.netuid,
        PLATFORM_CHAIN_ENDPOINTS: endpoints.join(","),
        PLATFORM_EPOCH_SECONDS: plan.epoch_seconds,
      },
    },
    ...(plan.uses_embedded_database ? [embeddedDatabase()] : []),
    ...(plan.chain_endpoints === null ? developmentChain(plan) : []),
  ];
  return services.map((service) => serviceSpec(service, plan));
}

/**
 * Environment for a role that reads much data from strangers: it collects garbage earlier and returns free memory at once.
 * Without it the garbage collector goes by the machine's memory and lets as much garbage gather as there is live data, and
 * the allocator keeps free memory for a while. Under a storm of requests the proxy took 390 MB without it and 220 MB with it.
 */
export function promptCollection(memory_bytes: number): Readonly<Record<string, number>> {
  return { BUN_JSC_forceRAMSize: memory_bytes / 4, MIMALLOC_PURGE_DELAY: 0 };
}

function embeddedDatabase(): RoleService {
  return {
    role: "postgres",
    networks: [network.control],
    secrets: ["postgres_password"],
    mounts: [socketFolder("postgres"), volume("platform_postgres")],
  };
}

function developmentChain(plan: RolePlan): RoleService[] {
  return [
    {
      role: "devchain",
      networks: [network.control],
      mounts: [socketFolder("devchain"), volume("platform_devchain")],
      env: {
        PLATFORM_LISTEN_HOST: "0.0.0.0",
        PLATFORM_NETUID: plan.netuid,
        PLATFORM_BLOCK_MS: plan.block_ms,
        PLATFORM_DATA_DIRECTORY: "/data",
      },
    },
    {
      role: "submitter",
      networks: [network.control, network.public],
      secrets: ["hotkey"],
      mounts: [socketFolder("submitter"), volume("platform_submitter")],
      env: {
        PLATFORM_VECTOR_PUBLIC_KEY: plan.vector_public_key,
        PLATFORM_WEIGHTS_URL: `${proxyUrl}/v1/weights/latest`,
        PLATFORM_CHAIN_ENDPOINTS: devchainUrl,
        PLATFORM_NETUID: plan.netuid,
        PLATFORM_HOTKEY_FILE: `${secretsFolder}/hotkey`,
        PLATFORM_STATE_DIRECTORY: "/data",
        PLATFORM_INTERVAL_SECONDS: 1,
      },
    },
  ];
}

function serviceSpec(service: RoleService, plan: RolePlan): ServiceSpec {
  const { role, networks, secrets = [], mounts = [], groups, port, memory_bytes = 512 * MiB } = service;
  const image = plan.images[role];
  if (!image) throw new Error(`there is no image of ${role}`);
  const container: ContainerSpec = {
    Image: image,
    Hostname: roleName(role),
    Env: environment({ ...service, memory_bytes }, secrets),
    ...hardened,
    ...(groups ? { Groups: groups } : {}),
    Mounts: [...mounts, temporaryFolder(64)],
    Secrets: secrets.map((name) => secretFile(name, plan)),
    StopGracePeriod: 15e9,
  };
  return {
    Name: roleName(role),
    Labels: { ...managed, [label.kind]: "role", [label.role]: role },
    TaskTemplate: {
      ContainerSpec: container,
      Resources: { Limits: { MemoryBytes: memory_bytes, Pids: 512 } },
      RestartPolicy: { Condition: "any", Delay: 1e9 },
      Placement: { Constraints: [`node.id==${plan.node_id}`] },
      Networks: networks.map((Target) => ({ Target, Aliases: [roleName(role)] })),
      LogDriver: localLog(10, 3),
    },
    Mode: { Replicated: { Replicas: 1 } },
    UpdateConfig: { Parallelism: 1, FailureAction: "pause", Order: "stop-first" },
    EndpointSpec: {
      Mode: "dnsrr",
      ...(port
        ? { Ports: [{ Protocol: "tcp", TargetPort: port.inside, PublishedPort: port.published, PublishMode: "host" }] }
        : {}),
    },
  };
}

function environment({ role, env = {}, memory_bytes }: RoleService, secrets: readonly string[]): string[] {
  if (role === "postgres") return [];
  // Without this setting Bun goes by the machine's memory, and garbage grows beyond the container's memory limit.
  const memory = `BUN_JSC_forceRAMSize=${memory_bytes}`;
  const files = secrets
    .filter((name) => name !== "hotkey")
    .map((name) => `PLATFORM_${name.toUpperCase()}_FILE=${secretsFolder}/${name}`);
  return [memory, ...files, ...environmentOf(env)];
}

function secretFile(name: string, plan: RolePlan) {
  const secret = plan.secrets[name];
  if (!secret) throw new Error(`there is no secret ${name}`);
  return {
    SecretID: secret.id,
    SecretName: secret.name,
    File: { Name: `${secretsFolder}/${name}`, UID: imageUser, GID: imageUser, Mode: 0o400 },
  };
}

function socketFolder(role: string): Mount {
  return { Type: "bind", Source: `${run}/${role}`, Target: `${run}/${role}` };
}

function volume(name: string): Mount {
  return { Type: "volume", Source: name, Target: "/data" };
}
