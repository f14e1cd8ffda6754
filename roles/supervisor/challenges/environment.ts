import type { ChallengeSpec } from "#shared/schemas/challenge.ts";
import { jobApiUrl } from "#shared/swarm/addresses.ts";
import { environmentOf, secretsFolder } from "#shared/swarm/container.ts";
import { usesBroker } from "./secret-names.ts";

/** A challenge's environment (contract §1). Values of its record override those of the platform. */
export function challengeEnvironment(spec: ChallengeSpec, secretFiles: readonly string[]): string[] {
  const path = (file: string) => `${secretsFolder}/${file}`;
  const broker = {
    CHALLENGE_DOCKER_ENABLED: "true",
    CHALLENGE_DOCKER_BACKEND: "broker",
    CHALLENGE_DOCKER_BROKER_URL: jobApiUrl,
    CHALLENGE_DOCKER_BROKER_TOKEN_FILE: path("docker_broker_token"),
  };
  const values: Record<string, string> = {
    PLATFORM_CHALLENGE_SLUG: spec.slug,
    CHALLENGE_DATABASE_URL: "sqlite+aiosqlite:////data/challenge.sqlite3",
    CHALLENGE_SHARED_TOKEN_FILE: path("challenge_token"),
    ...Object.fromEntries(secretFiles.map((file) => [`${file.toUpperCase()}_FILE`, path(file)])),
    ...(usesBroker(spec) ? broker : {}),
    ...spec.env,
  };
  return environmentOf(values);
}
