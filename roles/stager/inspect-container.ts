import type { InspectConfig } from "./config.ts";
import type { ContainerState, NodeEngine } from "./node-engine.ts";
import { StagerError } from "./outcome.ts";

export interface InspectResult extends ContainerState {
  readonly kind: "inspect";
  readonly found: true;
  readonly engine_started_at: string | null;
}

/** How a task's container ended; Swarm itself says neither whether memory ran out, nor whether the engine was started since. */
export async function inspectContainer(config: InspectConfig, engine: NodeEngine): Promise<InspectResult> {
  const id =
    config.container_id ?? (config.task_id === undefined ? undefined : await engine.containerOfTask(config.task_id));
  if (id === undefined) throw new StagerError("usage", "PLATFORM_TASK_ID or PLATFORM_CONTAINER_ID is required");
  const state = id === null ? null : await engine.containerState(id);
  if (state === null) throw new StagerError("not_found", "no such container on this node");
  return { kind: "inspect", found: true, ...state, engine_started_at: await engine.startedAt() };
}
