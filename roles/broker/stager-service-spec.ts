import type { ServiceSpec } from "#shared/engine/engine.ts";
import { jobLabels, requireOneNetwork, volumeName } from "./job-service-spec.ts";

export type StagerKind = "stage" | "collect";

export interface StagerPlan {
  readonly kind: StagerKind;
  readonly id: string;
  readonly challenge: string;
  readonly mount: number;
  readonly node_id: string;
  readonly stager_image: string;
  readonly env: Readonly<Record<string, string>>;
}

const MiB = 2 ** 20;

export const stagerName = (kind: StagerKind, id: string, mount: number) => `platform-${kind}-${id}-${mount}`;

/** A Swarm job of our own beside the job's volume: brings its input there, or its output back (jobs §5). */
export function stagerService({ kind, id, challenge, mount, node_id, stager_image, env }: StagerPlan): ServiceSpec {
  const labels = { ...jobLabels(kind, id, challenge), "platform.mount": String(mount) };
  return requireOneNetwork({
    Name: stagerName(kind, id, mount),
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: {
        Image: stager_image,
        Labels: labels,
        Args: [kind === "stage" ? "fetch" : "collect"],
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
        User: "0:0",
        Init: true,
        ReadOnly: true,
        CapabilityDrop: ["ALL"],
        ...(kind === "collect" ? { CapabilityAdd: ["CAP_DAC_READ_SEARCH"] } : {}),
        Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
        Mounts: [
          {
            Type: "volume",
            Source: volumeName(id, mount),
            Target: "/volume",
            ReadOnly: kind === "collect",
            VolumeOptions: { NoCopy: true },
          },
          { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 16 * MiB } },
        ],
      },
      Resources: { Limits: { MemoryBytes: 512 * MiB, Pids: 512 } },
      RestartPolicy: { Condition: "none", MaxAttempts: 0 },
      Placement: { Constraints: [`node.id==${node_id}`] },
      Networks: [{ Target: "platform_transfer" }],
      LogDriver: { Name: "local", Options: { "max-size": "1m", "max-file": "2" } },
    },
    Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
  });
}

export interface JanitorPlan {
  readonly name: string;
  readonly task: "janitor" | "inspect";
  readonly node_id: string;
  readonly stager_image: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The only thing of ours that mounts a worker's Docker socket: removes volumes, or looks at one container; never long. */
export function janitorService({ name, task, node_id, stager_image, env }: JanitorPlan): ServiceSpec {
  const labels = { ...jobLabels("janitor", name, "-") };
  return requireOneNetwork({
    Name: name,
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: {
        Image: stager_image,
        Labels: labels,
        Args: [task],
        Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
        User: "0:0",
        Init: true,
        ReadOnly: true,
        CapabilityDrop: ["ALL"],
        Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
        Mounts: [
          { Type: "bind", Source: "/var/run/docker.sock", Target: "/var/run/docker.sock" },
          { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 16 * MiB } },
        ],
      },
      Resources: { Limits: { MemoryBytes: 256 * MiB, Pids: 512 } },
      RestartPolicy: { Condition: "none", MaxAttempts: 0 },
      Placement: { Constraints: [`node.id==${node_id}`] },
      Networks: [{ Target: "platform_transfer" }],
      LogDriver: { Name: "local", Options: { "max-size": "1m", "max-file": "2" } },
    },
    Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
  });
}
