import type { Challenge } from "#shared/schemas/challenge.ts";
import type { PublicRegistry, RegistryEntry } from "#shared/schemas/public-registry.ts";

/** The registry as everyone may see it (contract §5): without drafts and without internals. */
export function publicRegistry(challenges: readonly Challenge[]): PublicRegistry {
  return {
    network: "platform",
    api_version: "1.0",
    master_uid: 0,
    challenges: challenges.filter(({ status }) => status !== "draft").map(entry),
  };
}

function entry({ spec, status }: Challenge): RegistryEntry {
  return {
    slug: spec.slug,
    name: spec.name,
    image: spec.image,
    version: spec.version ?? "",
    emission_percent: spec.emission_percent,
    status,
    description: spec.description,
    metadata: spec.metadata,
    public_proxy_base_path: `/challenges/${spec.slug}`,
    required_capabilities: spec.required_capabilities,
    internal_base_url: "",
    resources: {},
    volumes: {},
    env: {},
    secrets: [],
  };
}
