import { type Engine, EngineError, type NetworkSpec, type ServiceSpec } from "#shared/engine/engine.ts";
import { isSealed, sealed } from "./job-service-spec.ts";

/** Creates the service, or finds the one of this name: acting twice finds the first act. */
export async function ensureService(engine: Engine, spec: ServiceSpec): Promise<void> {
  try {
    await engine.createService(spec);
  } catch (error) {
    if (error instanceof EngineError && error.fault === "conflict") return;
    throw error;
  }
}

export async function ensureNetwork(engine: Engine, spec: NetworkSpec): Promise<void> {
  try {
    await engine.createNetwork(spec);
  } catch (error) {
    if (error instanceof EngineError && error.fault === "conflict") return;
    throw error;
  }
}

/** Seals the service if it is there and not sealed yet (jobs §3). */
export async function seal(engine: Engine, name: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const service = await engine.service(name);
    if (!service || isSealed(service.Spec)) return;
    try {
      await engine.updateService(service.ID, service.Version.Index, sealed(service.Spec));
      return;
    } catch (error) {
      if (error instanceof EngineError && error.fault === "not_found") return;
      if (!(error instanceof EngineError && error.fault === "conflict")) throw error;
    }
  }
  throw new EngineError("conflict", `service ${name} kept changing while it was sealed`);
}

/** Removes a network; false while something still uses it. */
export async function tryRemoveNetwork(engine: Engine, name: string): Promise<boolean> {
  try {
    await engine.removeNetwork(name);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.fault !== "unavailable") return false;
    throw error;
  }
}
