import type { ServiceSpec } from "#shared/engine/engine.ts";
import { jobLabels, requireOneNetwork, volumeName } from "./job-service-spec.ts";

export type StagerKind = "stage" | "collect";

export interface StagerPlan {
  readonly kind: StagerKind;
  readonly id: string;
  readonly challenge: string;
  /** Which mounts of the job it handles; each is at `/volumes/<index>`. */
  readonly mounts: readonly number[];
  readonly node_id: string;
  readonly stager_image: string;
  readonly env: Readonly<Record<string, string>>;
}

const MiB = 2 ** 20;

export const stagerName = (kind: StagerKind, id: string) => `platform-${kind}-${id}`;

/** A Swarm job of our own beside the job's volumes: brings its inputs there, or its outputs back (jobs §5). */
export function stagerService({ kind, id, challenge, mounts, node_id, stager_image, env }: StagerPlan): ServiceSpec {
  const labels = jobLabels(kind, id, challenge);
  return requireOneNetwork({
    Name: stagerName(kind, id),
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
          ...mounts.map((mount) => ({
            Type: "volume" as const,
            Source: volumeName(id, mount),
            Target: `/volumes/${mount}`,
            ReadOnly: kind === "collect",
            VolumeOptions: { NoCopy: true },
          })),
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
