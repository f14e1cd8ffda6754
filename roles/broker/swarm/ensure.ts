import {
  type Engine,
  EngineError,
  type NetworkSpec,
  type RegistryAuth,
  type ServiceSpec,
} from "#shared/engine/engine.ts";

/** Creates the service. Idempotent: an existing service of this name counts as created. */
export async function ensureService(
  engine: Pick<Engine, "createService">,
  spec: ServiceSpec,
  auth?: RegistryAuth,
): Promise<void> {
  try {
    await engine.createService(spec, auth);
  } catch (error) {
    if (error instanceof EngineError && error.fault === "conflict") return;
    throw error;
  }
}

export async function ensureNetwork(engine: Pick<Engine, "createNetwork">, spec: NetworkSpec): Promise<void> {
  try {
    await engine.createNetwork(spec);
  } catch (error) {
    if (error instanceof EngineError && error.fault === "conflict") return;
    throw error;
  }
}

/** Removes a network. @returns false while something still uses it */
export async function tryRemoveNetwork(engine: Pick<Engine, "removeNetwork">, name: string): Promise<boolean> {
  try {
    await engine.removeNetwork(name);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.fault !== "unavailable") return false;
    throw error;
  }
}
