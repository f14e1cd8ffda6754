import { type Static, Type } from "@sinclair/typebox";
import { Capability, ChallengeStatus, MetadataKey } from "./challenge.ts";
import { Slug } from "./names.ts";

const empty = { maxProperties: 0, description: "always empty: old clients require it" };

/** The public record of one challenge (contract §5). */
export const RegistryEntry = Type.Object({
  slug: Slug,
  name: Type.String(),
  image: Type.String(),
  version: Type.String({ description: '"" when the record names no version' }),
  emission_percent: Type.Number(),
  status: ChallengeStatus,
  description: Type.String(),
  metadata: Type.Partial(Type.Record(MetadataKey, Type.Union([Type.String(), Type.Number(), Type.Boolean()]))),
  public_proxy_base_path: Type.String(),
  required_capabilities: Type.Array(Capability),
  internal_base_url: Type.Literal("", { description: "always empty: old clients require it" }),
  resources: Type.Object({}, empty),
  volumes: Type.Object({}, empty),
  env: Type.Object({}, empty),
  secrets: Type.Array(Type.String(), { maxItems: 0, description: "always empty: old clients require it" }),
});
export type RegistryEntry = Static<typeof RegistryEntry>;

export const PublicRegistry = Type.Object(
  {
    network: Type.Literal("platform"),
    api_version: Type.Literal("1.0"),
    master_uid: Type.Literal(0),
    challenges: Type.Array(RegistryEntry),
  },
  { description: "every challenge that is not a draft" },
);
export type PublicRegistry = Static<typeof PublicRegistry>;
