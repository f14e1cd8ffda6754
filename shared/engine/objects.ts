/** The Engine API's objects in its own shapes, as far as the platform reads or writes them. */

export type Labels = Readonly<Record<string, string>>;

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

export interface EngineVersion {
  readonly Version: string;
  readonly ApiVersion: string;
}

export interface SwarmState {
  readonly NodeID: string;
  readonly LocalNodeState: string;
  readonly ControlAvailable: boolean;
  readonly NodeAddr: string;
}

export interface SwarmNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly CreatedAt: string;
  readonly Spec: {
    readonly Role: "manager" | "worker";
    readonly Availability: "active" | "pause" | "drain";
    readonly Labels: Labels;
  };
  readonly Description: {
    readonly Hostname: string;
    readonly Engine: { readonly EngineVersion: string };
    readonly Resources: {
      readonly NanoCPUs: number;
      readonly MemoryBytes: number;
      readonly GenericResources?: readonly GenericResource[] | null;
    };
  };
  readonly Status: {
    readonly State: "unknown" | "down" | "ready" | "disconnected";
    readonly Addr: string;
    readonly Message?: string;
  };
}

export type GenericResource =
  | { readonly NamedResourceSpec: { readonly Kind: string; readonly Value: string } }
  | { readonly DiscreteResourceSpec: { readonly Kind: string; readonly Value: number } };

export interface Mount {
  readonly Type: "bind" | "volume" | "tmpfs";
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly VolumeOptions?: { readonly NoCopy?: boolean; readonly Subpath?: string; readonly Labels?: Labels };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
}

export interface ContainerSpec {
  readonly Image: string;
  readonly Labels?: Labels;
  readonly Command?: readonly string[];
  readonly Args?: readonly string[];
  readonly Hostname?: string;
  /** Lines of /etc/hosts: address, name, further names. */
  readonly Hosts?: readonly string[];
  readonly Env?: readonly string[];
  readonly Dir?: string;
  readonly User?: string;
  readonly Groups?: readonly string[];
  readonly Privileges?: {
    readonly NoNewPrivileges?: boolean;
    readonly Seccomp?: { readonly Mode: "default" | "unconfined" | "custom" };
    readonly AppArmor?: { readonly Mode: "default" | "disabled" };
  };
  readonly Init?: boolean;
  readonly ReadOnly?: boolean;
  readonly Mounts?: readonly Mount[];
  readonly StopSignal?: string;
  /** Nanoseconds. */
  readonly StopGracePeriod?: number;
  readonly HealthCheck?: { readonly Test: readonly string[] };
  readonly Secrets?: readonly {
    readonly SecretID: string;
    readonly SecretName: string;
    readonly File: { readonly Name: string; readonly UID: string; readonly GID: string; readonly Mode: number };
  }[];
  readonly CapabilityDrop?: readonly string[];
  readonly CapabilityAdd?: readonly string[];
  readonly Ulimits?: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[];
  readonly Sysctls?: Labels;
}

export interface ServiceSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly TaskTemplate: {
    readonly ContainerSpec: ContainerSpec;
    readonly Resources?: {
      readonly Limits?: { readonly NanoCPUs?: number; readonly MemoryBytes?: number; readonly Pids?: number };
      readonly Reservations?: { readonly GenericResources?: readonly GenericResource[] };
      /** Beside the memory; from API 1.52 on (moby/moby#51114). */
      readonly SwapBytes?: number;
    };
    readonly RestartPolicy?: {
      readonly Condition: "none" | "on-failure" | "any";
      readonly Delay?: number;
      readonly MaxAttempts?: number;
    };
    readonly Placement?: { readonly Constraints?: readonly string[] };
    readonly Networks?: readonly { readonly Target: string; readonly Aliases?: readonly string[] }[];
    readonly LogDriver?: { readonly Name: string; readonly Options?: Labels };
    readonly ForceUpdate?: number;
  };
  readonly Mode:
    | { readonly Replicated: { readonly Replicas: number } }
    | { readonly ReplicatedJob: { readonly MaxConcurrent: number; readonly TotalCompletions: number } }
    | { readonly GlobalJob: Record<string, never> };
  readonly UpdateConfig?: {
    readonly Parallelism: number;
    readonly FailureAction: "pause" | "continue" | "rollback";
    readonly Order: "stop-first" | "start-first";
    readonly Monitor?: number;
  };
  readonly EndpointSpec?: {
    readonly Mode: "dnsrr" | "vip";
    readonly Ports?: readonly {
      readonly Protocol: "tcp";
      readonly TargetPort: number;
      readonly PublishedPort: number;
      readonly PublishMode: "host";
    }[];
  };
}

export interface Service {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly CreatedAt: string;
  readonly Spec: ServiceSpec;
  readonly UpdateStatus?: { readonly State: string; readonly Message?: string };
}

export type TaskState =
  | "new"
  | "allocated"
  | "pending"
  | "assigned"
  | "accepted"
  | "preparing"
  | "ready"
  | "starting"
  | "running"
  | "complete"
  | "shutdown"
  | "failed"
  | "rejected"
  | "remove"
  | "orphaned";

export interface Task {
  readonly ID: string;
  readonly CreatedAt: string;
  readonly ServiceID: string;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Spec: { readonly ContainerSpec?: { readonly Image?: string; readonly Labels?: Labels } };
  readonly Status: {
    readonly State: TaskState;
    readonly Timestamp: string;
    readonly Message?: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID?: string; readonly PID?: number; readonly ExitCode?: number };
  };
  readonly AssignedGenericResources?: readonly GenericResource[] | null;
}

export interface LogOptions {
  readonly follow?: boolean;
  /** Unix seconds, fractions allowed. */
  readonly since?: number;
  /** Only so many of the last lines, of each stream. */
  readonly tail?: number;
  readonly signal: AbortSignal;
}

export interface LogChunk {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds, as the engine wrote it. */
  readonly time: string;
  readonly bytes: Uint8Array;
}

export interface NetworkSpec {
  readonly Name: string;
  readonly Labels: Labels;
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Encrypted: boolean;
  readonly Options?: Labels;
}

export interface Network {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Labels: Labels;
  readonly Internal: boolean;
  /** The driver's: an encrypted overlay has `encrypted` among them. */
  readonly Options?: Labels | null;
  readonly Containers?: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] | null };
}

export interface NetworkEndpoint {
  readonly aliases?: readonly string[];
  readonly address?: string | undefined;
}

export interface Secret {
  readonly ID: string;
  readonly Spec: { readonly Name: string; readonly Labels: Labels };
}

export interface Volume {
  readonly Name: string;
  readonly Labels: Labels;
  readonly Mountpoint: string;
}

export interface Container {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Labels;
  readonly State: string;
  readonly Ports?: readonly { readonly PublicPort?: number }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly NetworkID: string; readonly IPAddress: string }>>;
  };
}

export interface LocalImage {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly RepoDigests: readonly string[];
  readonly Labels: Labels;
}

export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Labels };
  /** Unix nanoseconds as a number: exact to about a microsecond. */
  readonly timeNano: number;
}
