import { createHash } from "node:crypto";
import type { ContainerSpec, NetworkSpec, ServiceSpec } from "#shared/engine/engine.ts";
import type { ChallengeSpec } from "#shared/schemas/challenge.ts";
import { hardened, imageUser, localLog, secretsFolder, temporaryFolder } from "#shared/swarm/container.ts";
import { label, managedChallenges } from "#shared/swarm/labels.ts";
import { challengeNetworkName, challengeServiceName, challengeVolumeName } from "#shared/swarm/names.ts";
import { challengeEnvironment } from "./environment.ts";

const MiB = 2 ** 20;
const seconds = 1e9;

export const labelsOf = (slug: string) => ({ ...managedChallenges, [label.challenge]: slug }) as const;

/** The network of one challenge; without egress unless its record grants it (architecture §3). */
export function challengeNetwork({ slug, egress }: ChallengeSpec, isEncrypted: boolean): NetworkSpec {
  const spec = { Name: challengeNetworkName(slug), Internal: !egress, Attachable: true, Encrypted: isEncrypted };
  return { ...spec, Labels: { ...labelsOf(slug), [label.spec]: digestOf(spec) } };
}

export interface ChallengeParts {
  /** The image: an ID, or a reference with a digest. */
  readonly image: string;
  readonly node_id: string;
  readonly token_generation: number;
  /** Lines of /etc/hosts for the roles that it may speak to. */
  readonly hosts: readonly string[];
  readonly secrets: readonly { readonly file: string; readonly id: string; readonly name: string }[];
}

/** The service of a challenge: one container on the manager, alone on its own network, its state in its own volume. */
export function challengeService(spec: ChallengeSpec, parts: ChallengeParts): ServiceSpec {
  const { slug, resources = { cpus: 1, memory_bytes: 1_024 * MiB } } = spec;
  const service = {
    Name: challengeServiceName(slug),
    Labels: labelsOf(slug),
    TaskTemplate: {
      ContainerSpec: challengeContainer(spec, parts),
      Resources: {
        Limits: { NanoCPUs: Math.round(resources.cpus * 1e9), MemoryBytes: resources.memory_bytes, Pids: 1_024 },
      },
      RestartPolicy: { Condition: "any", Delay: 2 * seconds },
      Placement: { Constraints: [`node.id==${parts.node_id}`] },
      Networks: [{ Target: challengeNetworkName(slug), Aliases: [challengeServiceName(slug)] }],
      LogDriver: localLog(10, 3),
    },
    Mode: { Replicated: { Replicas: 1 } },
    // The volume has one writer: the old container ends before the new one starts.
    UpdateConfig: { Parallelism: 1, FailureAction: "pause", Order: "stop-first" },
    EndpointSpec: { Mode: "dnsrr" },
  } as const;
  return { ...service, Labels: { ...service.Labels, [label.spec]: digestOf(service) } };
}

function challengeContainer(
  spec: ChallengeSpec,
  { image, token_generation, hosts, secrets }: ChallengeParts,
): ContainerSpec {
  const { slug } = spec;
  return {
    Image: image,
    Labels: { ...labelsOf(slug), [label.token_generation]: String(token_generation) },
    Hostname: challengeServiceName(slug),
    Hosts: hosts,
    Env: challengeEnvironment(
      spec,
      secrets.map(({ file }) => file),
    ),
    ...hardened,
    // The platform probes readiness itself (contract §1). An image's health check must not restart the challenge.
    HealthCheck: { Test: ["NONE"] },
    Mounts: [
      // A fresh volume takes owner and mode of the image's /data, so that its user may write there.
      { Type: "volume", Source: challengeVolumeName(slug), Target: "/data", VolumeOptions: { Labels: labelsOf(slug) } },
      temporaryFolder(256),
    ],
    // Any user may read them: the image's author chooses the user, and nobody else is in the container.
    Secrets: secrets.map(({ file, id, name }) => ({
      SecretID: id,
      SecretName: name,
      File: { Name: `${secretsFolder}/${file}`, UID: imageUser, GID: imageUser, Mode: 0o444 },
    })),
    StopGracePeriod: 15 * seconds,
  };
}

function digestOf(spec: unknown): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex");
}
