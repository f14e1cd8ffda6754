import type { GenericResource } from "../engine/engine.ts";

/** The name of GPUs as a Swarm resource. It is case-sensitive. */
const kind = "NVIDIA-GPU";

type Resources = readonly GenericResource[] | null | undefined;

/** How many GPUs a node offers. */
export function gpuCount(resources: Resources): number {
  return (resources ?? []).reduce((count, resource) => count + gpusIn(resource), 0);
}

/** The IDs of a node's GPUs. They are only for display, because placement counts GPUs. */
export function gpuNames(resources: Resources): string[] {
  return (resources ?? []).flatMap((resource) =>
    "NamedResourceSpec" in resource && resource.NamedResourceSpec.Kind === kind
      ? [resource.NamedResourceSpec.Value]
      : [],
  );
}

/** A service's reservation of this many GPUs. */
export function gpuReservation(count: number): GenericResource[] {
  return [{ DiscreteResourceSpec: { Kind: kind, Value: count } }];
}

function gpusIn(resource: GenericResource): number {
  if ("NamedResourceSpec" in resource) return resource.NamedResourceSpec.Kind === kind ? 1 : 0;
  return resource.DiscreteResourceSpec.Kind === kind ? resource.DiscreteResourceSpec.Value : 0;
}
