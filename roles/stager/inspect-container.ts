import type { InspectConfig } from "./config.ts";
import type { ContainerState, NodeEngine } from "./node-engine.ts";
import { StagerError } from "./outcome.ts";

export type InspectResult = { readonly kind: "inspect"; readonly found: true } & ContainerState;

/** How a task's container ended; Swarm itself does not say whether memory ran out. */
export async function inspectContainer(config: InspectConfig, engine: NodeEngine): Promise<InspectResult> {
  const id =
    config.container_id ?? (config.task_id === undefined ? undefined : await engine.containerOfTask(config.task_id));
  if (id === undefined) throw new StagerError("usage", "PLATFORM_TASK_ID or PLATFORM_CONTAINER_ID is required");
  const state = id === null ? null : await engine.containerState(id);
  if (state === null) throw new StagerError("not_found", "no such container on this node");
  return { kind: "inspect", found: true, ...state };
}
