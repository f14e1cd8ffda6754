import { isAtLeast } from "#shared/engine/docker-engine.ts";

/** Features of jobs that need a recent engine (jobs §6). */
export interface EngineFeatures {
  /** API 1.52. Below it a container gets as much swap as memory, if the worker has swap. */
  readonly canLimitSwap: boolean;
  /** API 1.46. Below it the engine accepts options of a tmpfs and ignores them. */
  readonly hasTmpfsOptions: boolean;
}

export function featuresOf(apiVersion: string): EngineFeatures {
  return { canLimitSwap: isAtLeast(apiVersion, "1.52"), hasTmpfsOptions: isAtLeast(apiVersion, "1.46") };
}
