import type { Engine } from "#shared/engine/engine.ts";
import { grantLabel, isGrantable } from "#shared/schemas/granted-network.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { hasOwnNetwork } from "./job-service-spec.ts";

/**
 * Why the job may not be on the network that it asks for though the record names it, or null: whose a network is, the operator's
 * label says. One that is not there may still be made. By its id no network is granted: the id says nothing of whose it is.
 */
export async function grantFault(
  engine: Pick<Engine, "network">,
  slug: string,
  request: Pick<JobRequest, "limits">,
): Promise<string | null> {
  if (hasOwnNetwork(request)) return null;
  const name = request.limits.network;
  if (!isGrantable(name)) return `${name} is a network of the engine or the platform, which no job may join`;
  const network = await engine.network(name);
  if (!network || (network.Name === name && network.Labels[grantLabel(slug)] === "true")) return null;
  return `the network ${name} is not labelled ${grantLabel(slug)}=true`;
}
