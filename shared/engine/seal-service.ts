import { type Engine, EngineError, type ServiceSpec } from "./engine.ts";

/**
 * A seal is the only update that a job's service ever gets: it wants no completions any more. Swarm stops what runs and
 * starts nothing; tasks and logs stay (jobs §3, decision 0002). Update settings are left out, because Swarm refuses them for jobs.
 */
export function sealed(spec: ServiceSpec): ServiceSpec {
  const { UpdateConfig: _, ...rest } = spec;
  return { ...rest, Mode: { ReplicatedJob: { MaxConcurrent: 0, TotalCompletions: 0 } } };
}

/** Whether the service is a sealed job. */
export function isSealed({ Mode }: ServiceSpec): boolean {
  return "ReplicatedJob" in Mode && Mode.ReplicatedJob.TotalCompletions === 0;
}

/**
 * Seals the service of this name, unless it is gone or sealed already (jobs §3).
 *
 * @returns whether it was sealed now
 * @throws EngineError "conflict" when the service keeps changing meanwhile, and whatever the engine throws
 */
export async function seal(engine: Pick<Engine, "service" | "updateService">, name: string): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const service = await engine.service(name);
    if (!service || isSealed(service.Spec)) return false;
    try {
      await engine.updateService(service.ID, service.Version.Index, sealed(service.Spec));
      return true;
    } catch (error) {
      if (error instanceof EngineError && error.fault === "not_found") return false;
      if (!(error instanceof EngineError && error.fault === "conflict")) throw error;
    }
  }
  throw new EngineError("conflict", `service ${name} kept changing while it was sealed`);
}
