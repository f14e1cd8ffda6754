import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deriveToken } from "#shared/auth/tokens.ts";
import type { Engine } from "#shared/engine/engine.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { secretsOf, swarmSecretName } from "./secret-names.ts";
import { labelsOf } from "./service-spec.ts";

export interface SecretSource {
  readonly master_key: string;
  readonly external_directory: string;
}

export interface LiveSecret {
  readonly file: string;
  readonly id: string;
  readonly name: string;
}

/**
 * Makes the Swarm secrets that a challenge needs now.
 *
 * @returns the secrets, and the IDs of former ones
 * @throws Error that names an external secret which cannot be read
 */
export async function ensureSecrets(
  engine: Engine,
  challenge: Challenge,
  source: SecretSource,
): Promise<{ readonly live: readonly LiveSecret[]; readonly former: readonly string[] }> {
  const { slug } = challenge.spec;
  const existing = await engine.secrets(labelsOf(slug));
  const live: LiveSecret[] = [];
  for (const { file, external } of secretsOf(challenge.spec)) {
    const { value, edition } = external
      ? readExternal(source.external_directory, external)
      : derive(file, challenge, source.master_key);
    const name = swarmSecretName(slug, file, edition);
    const known = existing.find(({ Spec }) => Spec.Name === name);
    live.push({ file, name, id: known?.ID ?? (await engine.createSecret(name, value, labelsOf(slug))) });
  }
  const former = existing.map(({ ID }) => ID).filter((id) => !live.some((secret) => secret.id === id));
  return { live, former };
}

function derive(file: string, { spec, token_generation }: Challenge, masterKey: string) {
  const purpose = file === "docker_broker_token" ? "broker" : "challenge";
  return { value: deriveToken(masterKey, purpose, spec.slug, token_generation), edition: `g${token_generation}` };
}

function readExternal(directory: string, name: string) {
  try {
    const value = readFileSync(join(directory, name), "utf8");
    return { value, edition: `x${createHash("sha256").update(value).digest("hex").slice(0, 12)}` };
  } catch (cause) {
    throw new Error(`the external secret ${name} cannot be read from ${directory}`, { cause });
  }
}
