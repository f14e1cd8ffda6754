import type { GenericResource } from "../engine/engine.ts";

/** Swarm's name of the resource; it compares it with case. */
const kind = "NVIDIA-GPU";

type Resources = readonly GenericResource[] | null | undefined;

/** How many GPUs a node offers. */
export function gpuCount(resources: Resources): number {
  return (resources ?? []).reduce((count, resource) => count + gpusIn(resource), 0);
}

/** The GPUs of a node by their ids: to be shown, never to place by. */
export function gpuNames(resources: Resources): string[] {
  return (resources ?? []).flatMap((resource) =>
    "NamedResourceSpec" in resource && resource.NamedResourceSpec.Kind === kind
      ? [resource.NamedResourceSpec.Value]
      : [],
  );
}

/** So many GPUs as a service reserves them. */
export function gpuReservation(count: number): GenericResource[] {
  return [{ DiscreteResourceSpec: { Kind: kind, Value: count } }];
}

function gpusIn(resource: GenericResource): number {
  if ("NamedResourceSpec" in resource) return resource.NamedResourceSpec.Kind === kind ? 1 : 0;
  return resource.DiscreteResourceSpec.Kind === kind ? resource.DiscreteResourceSpec.Value : 0;
}
