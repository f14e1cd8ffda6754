import { isAtLeast } from "#shared/engine/docker-engine.ts";

/** What jobs can have only of an engine that is new enough (jobs §6). */
export interface EngineFeatures {
  /** API 1.52; before it a container gets as much swap as memory, where a worker has any. */
  readonly canLimitSwap: boolean;
  /** API 1.46; before it options of a tmpfs are taken and dropped. */
  readonly hasTmpfsOptions: boolean;
}

export function featuresOf(apiVersion: string): EngineFeatures {
  return { canLimitSwap: isAtLeast(apiVersion, "1.52"), hasTmpfsOptions: isAtLeast(apiVersion, "1.46") };
}
