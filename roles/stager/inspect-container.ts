import type { InspectResult } from "#shared/schemas/stager.ts";
import type { InspectConfig } from "./config.ts";
import type { NodeEngine } from "./node-engine.ts";
import { isBelowFloor } from "./worker-disk.ts";

/**
 * How a container ended, and whether its node's disk is below the floor; Swarm itself says neither whether memory ran out, nor
 * whether the engine was started since. The disk is told also where the container is gone.
 */
export async function inspectContainer(config: InspectConfig, engine: NodeEngine): Promise<InspectResult> {
  const is_disk_low = await isBelowFloor(config.disk_path, config);
  const state = await engine.containerState(config.container_id);
  if (state === null) return { kind: "inspect", is_disk_low, found: false };
  return { kind: "inspect", is_disk_low, found: true, ...state, engine_started_at: await engine.startedAt() };
}
