import type { Database } from "#shared/database/database.ts";
import { registryLogin } from "#shared/database/tables/registry-credentials.ts";
import type { RegistryAuth } from "#shared/engine/engine.ts";
import { parseImageReference } from "./image-reference.ts";

/** A challenge's login at the registry of an image; undefined when it has no account there. */
export type RegistryAuthOf = (challenge: string, image: string) => Promise<RegistryAuth | undefined>;

/** The engine's name of Docker Hub in a login. */
const hubAddress = "https://index.docker.io/v1/";

export function registryAuths(sql: Database, masterKey: string): RegistryAuthOf {
  return async (challenge, image) => {
    const registry = parseImageReference(image)?.repository.split("/")[0];
    if (registry === undefined) return undefined;
    const login = await registryLogin(sql, masterKey, challenge, registry);
    return login ? { ...login, serveraddress: registry === "docker.io" ? hubAddress : registry } : undefined;
  };
}
