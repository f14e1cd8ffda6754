import { dataTarget, dataVolume } from "#shared/engine/data-volumes.ts";
import type { Labels, Mount, NetworkSpec, ServiceSpec } from "#shared/engine/engine.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { jobLimits } from "#shared/schemas/job-limits.ts";
import { environmentOf, hardened, localLog, noRestart, onceOnly, requireOneNetwork } from "#shared/swarm/container.ts";
import { gpuReservation } from "#shared/swarm/gpus.ts";
import { jobFleet, label, managed, ownPrefix } from "#shared/swarm/labels.ts";
import { jobName, jobVolume } from "#shared/swarm/names.ts";
import { sourcePath } from "../job/mount-source.ts";
import { parseBytes, parseTmpfs } from "../job/quantities.ts";
import type { EngineFeatures } from "./engine-features.ts";
import { jobUlimits } from "./job-ulimits.ts";

export interface JobPlacement {
  readonly id: string;
  readonly challenge: string;
  readonly image_id: string;
  readonly node_id: string;
  readonly node_class: string;
  readonly data_volumes: readonly string[];
  readonly features: EngineFeatures;
}

/** The labels by which tasks are found and told apart. */
export function jobLabels(kind: string, id: string, challenge: string): Labels {
  return {
    ...managed,
    ...jobFleet,
    [label.kind]: kind,
    [label.id]: id,
    [label.challenge]: challenge,
  };
}

/** The job's own network, with nothing else on it. It is internal unless egress was granted. */
export function jobNetwork(id: string, challenge: string, isInternal: boolean, isEncrypted: boolean): NetworkSpec {
  return {
    Name: jobName(id),
    Labels: jobLabels("job", id, challenge),
    Internal: isInternal,
    Attachable: false,
    Encrypted: isEncrypted,
  };
}

/** The part of a job that names its network. */
type OnNetwork = { readonly limits: Pick<JobRequest["limits"], "network"> };

/** Whether the job gets a network of its own. Else it joins one that the operator granted. */
export function hasOwnNetwork({ limits: { network } }: OnNetwork): boolean {
  return network === "none" || network === "default";
}

/** The network a job runs on. */
export function networkOf(id: string, request: OnNetwork): string {
  return hasOwnNetwork(request) ? jobName(id) : request.limits.network;
}

/** One container, run once, with hard limits (jobs §6). */
export function jobService(request: JobRequest, placement: JobPlacement): ServiceSpec {
  const { limits } = request;
  const { id, challenge, image_id, node_id, node_class } = placement;
  const labels = {
    ...foreign(request.labels),
    [label.job]: request.job_id,
    ...(request.task_id ? { [label.task]: request.task_id } : {}),
  };
  const networks = [networkOf(id, request)];
  return requireOneNetwork({
    Name: jobName(id),
    Labels: jobLabels("job", id, challenge),
    TaskTemplate: {
      ContainerSpec: {
        Image: image_id,
        Labels: { ...labels, ...jobLabels("job", id, challenge) },
        // As with `docker run IMAGE COMMAND`, the image's entrypoint stays. Swarm expands no templates in arguments.
        Args: request.command,
        Hostname: "job",
        Env: environmentOf(request.env),
        ...(request.workdir ? { Dir: request.workdir } : {}),
        ...(limits.user ? { User: limits.user } : {}),
        ...hardened,
        Privileges: { ...hardened.Privileges, AppArmor: { Mode: "default" } },
        Ulimits: jobUlimits(request),
        Mounts: [
          ...request.mounts.map((mount, index) => volumeMount(id, index, mount)),
          ...placement.data_volumes.map(dataMount),
          ...limits.tmpfs.flatMap(tmpfsMount),
        ],
        StopGracePeriod: 1e9,
        HealthCheck: { Test: ["NONE"] },
      },
      Resources: {
        Limits: {
          NanoCPUs: Math.round(limits.cpus * 1e9),
          MemoryBytes: parseBytes(limits.memory) ?? 0,
          Pids: limits.pids_limit,
        },
        ...(placement.features.canLimitSwap ? { SwapBytes: 0 } : {}),
        ...(limits.gpu_count ? { Reservations: { GenericResources: gpuReservation(limits.gpu_count) } } : {}),
      },
      RestartPolicy: noRestart,
      Placement: { Constraints: [`node.labels.${label.workload}==${node_class}`, `node.id==${node_id}`] },
      Networks: networks.map((Target) => ({ Target })),
      LogDriver: localLog(jobLimits.log_file_mib, jobLimits.log_files),
    },
    Mode: onceOnly,
  });
}

function foreign(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith(ownPrefix)));
}

function volumeMount(id: string, index: number, mount: JobRequest["mounts"][number]): Mount {
  const Subpath = sourcePath(mount);
  return {
    Type: "volume",
    Source: jobVolume(id, index),
    Target: mount.target,
    ReadOnly: mount.read_only,
    VolumeOptions: { NoCopy: true, ...(Subpath ? { Subpath } : {}) },
  };
}

function dataMount(name: string): Mount {
  return {
    Type: "volume",
    Source: dataVolume(name),
    Target: dataTarget(name),
    ReadOnly: true,
    VolumeOptions: { NoCopy: true },
  };
}

/** A tmpfs mount. The engine adds noexec, nosuid and nodev by itself. */
function tmpfsMount(text: string): Mount[] {
  const tmpfs = parseTmpfs(text);
  if (!tmpfs) return [];
  const { target, size_bytes, mode, isExec } = tmpfs;
  const TmpfsOptions = { SizeBytes: size_bytes, Mode: mode, ...(isExec ? { Options: [["exec"]] } : {}) };
  return [{ Type: "tmpfs", Target: target, TmpfsOptions }];
}
