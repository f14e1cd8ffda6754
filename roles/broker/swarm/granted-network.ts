import type { Engine } from "#shared/engine/engine.ts";
import { grantLabel, isGrantable } from "#shared/schemas/granted-network.ts";
import type { JobRequest } from "#shared/schemas/job.ts";
import { hasOwnNetwork } from "./job-service-spec.ts";

/**
 * Why the job may not join the network that it asks for, though the challenge's record names it; null when it may. The
 * operator's label on the network grants it. A missing network may still be created. A network is never granted by its id.
 */
export async function grantFault(
  engine: Pick<Engine, "network">,
  slug: string,
  request: Pick<JobRequest, "limits">,
): Promise<string | null> {
  if (hasOwnNetwork(request)) return null;
  const name = request.limits.network;
  if (!isGrantable(name)) return `${name} belongs to the engine or the platform, and no job may join it`;
  const network = await engine.network(name);
  if (!network || (network.Name === name && network.Labels[grantLabel(slug)] === "true")) return null;
  return `the network ${name} is not labelled ${grantLabel(slug)}=true`;
}
