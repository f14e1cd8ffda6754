import { createHash } from "node:crypto";
import type { ChallengeSpec } from "#shared/schemas/challenge.ts";

/** Secrets that are derived. A record that names one of them never means an external secret (contract §1). */
const derivedSecrets: readonly string[] = ["challenge_token", "docker_broker_token"];
const swarm_name_chars_max = 64;

export interface SecretName {
  /** The name of its file in the container. */
  readonly file: string;
  /** The name of an external secret in the record; null for a derived secret. */
  readonly external: string | null;
}

/** A secret's file name: lower case, letters and digits, the rest as underscores, 48 characters (contract §1). */
export function secretFileName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "_")
    .slice(0, 48);
}

/** The secret files that a challenge gets (contract §1). */
export function secretsOf(spec: ChallengeSpec): readonly SecretName[] {
  const named = spec.secrets.map((external) => ({ file: secretFileName(external), external }));
  const needsBroker = usesBroker(spec) || named.some(({ file }) => file === "docker_broker_token");
  return [
    { file: "challenge_token", external: null },
    ...(needsBroker ? [{ file: "docker_broker_token", external: null }] : []),
    ...named.filter(({ file }) => !derivedSecrets.includes(file)),
  ];
}

export function usesBroker({ required_capabilities }: ChallengeSpec): boolean {
  return required_capabilities.includes("docker_executor");
}

/** A Swarm secret cannot change. So its name holds where the value came from: the generation, or the value's digest. */
export function swarmSecretName(slug: string, file: string, edition: string): string {
  const name = `platform_${slug}_${file}_${edition}`;
  if (name.length <= swarm_name_chars_max) return name;
  return `platform_${createHash("sha256").update(name).digest("hex").slice(0, 48)}`;
}
