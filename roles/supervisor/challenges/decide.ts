/** Decides what a challenge needs to match its record. Pure: `reconcile.ts` reads the Swarm and carries the steps out. */
import type { Network, NetworkSpec, Service, ServiceSpec, Task } from "#shared/engine/engine.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { label } from "#shared/swarm/labels.ts";

export type NetworkStep = "remove service" | "remove network" | "create network";

/**
 * The steps to the challenge's wanted network; none when it exists. A network cannot be changed: one with other settings is
 * removed, after the service on it. The service's tasks take a while to end, so a later round creates the new network.
 *
 * @throws Error when a network of that name is not the platform's: such a network is never touched
 */
export function decideNetwork(
  slug: string,
  wanted: NetworkSpec,
  current: Pick<Network, "Labels"> | null,
  hasService: boolean,
): readonly NetworkStep[] {
  if (!current) return ["create network"];
  if (current.Labels[label.challenge] !== slug)
    throw new Error(`there is a network ${wanted.Name} that is not the platform's`);
  if (current.Labels[label.spec] === wanted.Labels[label.spec]) return [];
  return hasService ? ["remove service", "remove network"] : ["remove network", "create network"];
}

export type ServiceStep = "create service" | "update service" | "end rotation" | "nothing";

/** The step that the challenge's service needs. Former secrets go only after the service matches its record. */
export function decideService(
  wanted: Pick<ServiceSpec, "Labels">,
  current: { readonly Spec: Pick<Service["Spec"], "Labels"> } | undefined,
  { token_rotating }: Pick<Challenge, "token_rotating">,
  formerSecrets: readonly string[],
): ServiceStep {
  if (!current) return "create service";
  if (current.Spec.Labels[label.spec] !== wanted.Labels[label.spec]) return "update service";
  return token_rotating || formerSecrets.length > 0 ? "end rotation" : "nothing";
}

/** Whether the challenge runs, and all its running tasks have the secrets of this generation. */
export function isRotationOver(tasks: readonly Pick<Task, "Spec" | "Status">[], token_generation: number): boolean {
  const running = tasks.filter(({ Status }) => Status.State === "running");
  const generationOf = ({ Spec }: Pick<Task, "Spec">) => Spec.ContainerSpec?.Labels?.[label.token_generation];
  return running.length > 0 && running.every((task) => generationOf(task) === String(token_generation));
}
