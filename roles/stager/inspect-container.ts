import type { InspectResult } from "#shared/schemas/stager.ts";
import type { InspectConfig } from "./config.ts";
import type { NodeEngine } from "./node-engine.ts";
import { isBelowFloor } from "./worker-disk.ts";

/**
 * How a container ended, and whether its node's disk is below the floor. Swarm itself tells neither whether memory ran out
 * nor when the engine was started. The disk is reported even when the container is gone.
 */
export async function inspectContainer(config: InspectConfig, engine: NodeEngine): Promise<InspectResult> {
  const is_disk_low = await isBelowFloor(config.disk_path, config);
  const state = await engine.containerState(config.container_id);
  if (state === null) return { kind: "inspect", is_disk_low, found: false };
  return { kind: "inspect", is_disk_low, found: true, ...state, engine_started_at: await engine.startedAt() };
}
