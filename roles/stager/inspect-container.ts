import type { InspectResult } from "#shared/schemas/stager.ts";
import type { InspectConfig } from "./config.ts";
import type { NodeEngine } from "./node-engine.ts";
import { StagerError } from "./outcome.ts";

/** How a container ended; Swarm itself says neither whether memory ran out, nor whether the engine was started since. */
export async function inspectContainer(config: InspectConfig, engine: NodeEngine): Promise<InspectResult> {
  const state = await engine.containerState(config.container_id);
  if (state === null) throw new StagerError("not_found", "no such container on this node");
  return { kind: "inspect", found: true, ...state, engine_started_at: await engine.startedAt() };
}
