import { createHash } from "node:crypto";
import type { ContainerSpec, NetworkSpec, ServiceSpec } from "#shared/engine/engine.ts";
import type { ChallengeSpec } from "#shared/schemas/challenge.ts";

const MiB = 2 ** 20;
const user = "65532";
const secretsFolder = "/run/secrets/platform";
const brokerUrl = "http://platform-broker:8082";
/** These are derived, so a record that names them never means an external secret (contract §1). */
export const derivedSecrets = ["challenge_token", "docker_broker_token"] as const;

export const challengeLabel = "platform.challenge";
export const specLabel = "platform.spec";
export const labelsOf = (slug: string) =>
  ({ "platform.managed": "true", "platform.kind": "challenge", [challengeLabel]: slug }) as const;

export const serviceName = (slug: string) => `challenge-${slug}`;
export const networkName = (slug: string) => `platform_challenge_${slug}`;
export const volumeName = (slug: string) => `platform_${slug.replaceAll("-", "_")}_sqlite`;

/** A secret's file name: lower case, letters and digits, the rest as underscores, 48 characters (contract §1). */
export function secretFileName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "_")
    .slice(0, 48);
}

/** Names of the secret files a challenge gets; external ones by their record's name. */
export function secretsOf({
  required_capabilities,
  secrets,
}: ChallengeSpec): { readonly file: string; readonly external: string | null }[] {
  const isDerived = (file: string) => (derivedSecrets as readonly string[]).includes(file);
  const needsBroker =
    usesBroker(required_capabilities) || secrets.some((name) => secretFileName(name) === "docker_broker_token");
  const external = secrets
    .map((name) => ({ file: secretFileName(name), external: name }))
    .filter(({ file }) => !isDerived(file));
  return [
    { file: "challenge_token", external: null },
    ...(needsBroker ? [{ file: "docker_broker_token", external: null }] : []),
    ...external,
  ];
}

function usesBroker(capabilities: readonly string[]): boolean {
  return capabilities.includes("docker_executor");
}

/** Swarm secrets cannot change, so the name carries what the value was made from: a generation, or the value's digest. */
export function swarmSecretName(slug: string, file: string, edition: string): string {
  const name = `platform_${slug}_${file}_${edition}`;
  return name.length <= 64 ? name : `platform_${createHash("sha256").update(name).digest("hex").slice(0, 48)}`;
}

export function challengeNetwork(spec: ChallengeSpec, isEncrypted: boolean): NetworkSpec {
  return {
    Name: networkName(spec.slug),
    Labels: labelsOf(spec.slug),
    Internal: !spec.egress,
    Attachable: true,
    Encrypted: isEncrypted,
  };
}

export interface ChallengeParts {
  /** What the service is created by: an image ID, or a reference with a digest. */
  readonly image: string;
  readonly node_id: string;
  readonly secrets: readonly { readonly file: string; readonly id: string; readonly name: string }[];
}

/** The service of a challenge: one container on the manager, alone on its own network, its state in its own volume. */
export function challengeService(spec: ChallengeSpec, { image, node_id, secrets }: ChallengeParts): ServiceSpec {
  const { slug, resources = { cpus: 1, memory_bytes: 1024 * MiB } } = spec;
  const container: ContainerSpec = {
    Image: image,
    Labels: labelsOf(slug),
    Hostname: serviceName(slug),
    Env: environment(
      spec,
      secrets.map(({ file }) => file),
    ),
    Init: true,
    ReadOnly: true,
    CapabilityDrop: ["ALL"],
    Privileges: { NoNewPrivileges: true, Seccomp: { Mode: "default" } },
    Mounts: [
      { Type: "volume", Source: volumeName(slug), Target: "/data", VolumeOptions: { Labels: labelsOf(slug) } },
      { Type: "tmpfs", Target: "/tmp", TmpfsOptions: { SizeBytes: 256 * MiB } },
    ],
    Secrets: secrets.map(({ file, id, name }) => ({
      SecretID: id,
      SecretName: name,
      File: { Name: `${secretsFolder}/${file}`, UID: user, GID: user, Mode: 0o444 },
    })),
    StopGracePeriod: 15e9,
  };
  return {
    Name: serviceName(slug),
    Labels: labelsOf(slug),
    TaskTemplate: {
      ContainerSpec: container,
      Resources: {
        Limits: { NanoCPUs: Math.round(resources.cpus * 1e9), MemoryBytes: resources.memory_bytes, Pids: 1_024 },
      },
      RestartPolicy: { Condition: "any", Delay: 2e9 },
      Placement: { Constraints: [`node.id==${node_id}`] },
      Networks: [{ Target: networkName(slug), Aliases: [serviceName(slug)] }],
      LogDriver: { Name: "local", Options: { "max-size": "10m", "max-file": "3" } },
    },
    Mode: { Replicated: { Replicas: 1 } },
    UpdateConfig: { Parallelism: 1, FailureAction: "pause", Order: "stop-first" },
    EndpointSpec: { Mode: "dnsrr" },
  };
}

/** The record's own values win, save where a secret's file is (contract §1). Go templates in values are text to us, not to Swarm. */
function environment(spec: ChallengeSpec, files: readonly string[]): string[] {
  const broker = usesBroker(spec.required_capabilities)
    ? {
        CHALLENGE_DOCKER_ENABLED: "true",
        CHALLENGE_DOCKER_BACKEND: "broker",
        CHALLENGE_DOCKER_BROKER_URL: brokerUrl,
        CHALLENGE_DOCKER_BROKER_TOKEN_FILE: `${secretsFolder}/docker_broker_token`,
      }
    : {};
  const values: Record<string, string> = {
    PLATFORM_CHALLENGE_SLUG: spec.slug,
    CHALLENGE_DATABASE_URL: "sqlite+aiosqlite:////data/challenge.sqlite3",
    CHALLENGE_SHARED_TOKEN_FILE: `${secretsFolder}/challenge_token`,
    ...Object.fromEntries(files.map((file) => [`${file.toUpperCase()}_FILE`, `${secretsFolder}/${file}`])),
    ...broker,
    ...spec.env,
  };
  return Object.entries(values).map(([name, value]) => `${name}=${escapeTemplate(value)}`);
}

/** Swarm expands Go templates in environment values; `{{"{{"}}` comes out as two braces. */
export function escapeTemplate(value: string): string {
  return value.replaceAll("{{", '{{"{{"}}');
}

/** A digest of the wanted spec: the label by which a change is seen. */
export function digestOf(spec: unknown): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex");
}
