import type { ServiceSpec } from "#shared/engine/engine.ts";
import type { StagerTask } from "#shared/schemas/stager.ts";
import {
  environmentOf,
  hardened,
  localLog,
  noRestart,
  onceOnly,
  requireOneNetwork,
  temporaryFolder,
} from "#shared/swarm/container.ts";
import { jobVolume, network, type StagerKind, stagerName } from "#shared/swarm/names.ts";
import { jobLabels } from "./job-service-spec.ts";

export interface StagerPlan {
  readonly kind: StagerKind;
  readonly id: string;
  readonly challenge: string;
  /** Indexes of the job's mounts that it handles; each is mounted at `/volumes/<index>`. */
  readonly mounts: readonly number[];
  readonly node_id: string;
  readonly stager_image: string;
  readonly env: Readonly<Record<string, string>>;
}

const MiB = 2 ** 20;
const taskOf: Readonly<Record<StagerKind, StagerTask>> = { stage: "fetch", collect: "collect" };

/** A stager: a Swarm job of our own on the job's volumes. It brings the inputs, or sends the outputs back (jobs §5). */
export function stagerService({ kind, id, challenge, mounts, node_id, stager_image, env }: StagerPlan): ServiceSpec {
  const labels = jobLabels(kind, id, challenge);
  return requireOneNetwork({
    Name: stagerName(kind, id),
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: {
        Image: stager_image,
        Labels: labels,
        Args: [taskOf[kind]],
        Env: environmentOf(env),
        User: "0:0",
        ...hardened,
        ...(kind === "collect" ? { CapabilityAdd: ["CAP_DAC_READ_SEARCH"] } : {}),
        Mounts: [
          ...mounts.map((mount) => ({
            Type: "volume" as const,
            Source: jobVolume(id, mount),
            Target: `/volumes/${mount}`,
            ReadOnly: kind === "collect",
            VolumeOptions: { NoCopy: true },
          })),
          temporaryFolder(16),
        ],
      },
      Resources: { Limits: { MemoryBytes: 512 * MiB, Pids: 512 } },
      RestartPolicy: noRestart,
      Placement: { Constraints: [`node.id==${node_id}`] },
      Networks: [{ Target: network.transfer }],
      LogDriver: localLog(1, 2),
    },
    Mode: onceOnly,
  });
}

export interface JanitorPlan {
  readonly name: string;
  readonly task: Extract<StagerTask, "janitor" | "inspect">;
  readonly node_id: string;
  readonly stager_image: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A janitor: removes volumes, or inspects one container, and ends. Nothing else of ours mounts a worker's Docker socket. */
export function janitorService({ name, task, node_id, stager_image, env }: JanitorPlan): ServiceSpec {
  const labels = jobLabels("janitor", name, "-");
  return requireOneNetwork({
    Name: name,
    Labels: labels,
    TaskTemplate: {
      ContainerSpec: {
        Image: stager_image,
        Labels: labels,
        Args: [task],
        Env: environmentOf(env),
        User: "0:0",
        ...hardened,
        Mounts: [{ Type: "bind", Source: "/var/run/docker.sock", Target: "/var/run/docker.sock" }, temporaryFolder(16)],
      },
      Resources: { Limits: { MemoryBytes: 256 * MiB, Pids: 512 } },
      RestartPolicy: noRestart,
      Placement: { Constraints: [`node.id==${node_id}`] },
      Networks: [{ Target: network.transfer }],
      LogDriver: localLog(1, 2),
    },
    Mode: onceOnly,
  });
}
