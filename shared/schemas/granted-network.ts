import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const engines_own = ["host", "bridge", "none", "null", "default", "nat", "ingress", "docker_gwbridge"];

/** A network of the operator's, by its name. Those of the engine itself and of the platform are granted to nobody. */
export const GrantedNetwork = Type.String({
  maxLength: 64,
  "x-expected":
    "expected the name of a network of the operator's own, neither the engine's (host, bridge, ingress …) nor the platform's (platform_…)",
  pattern: `^(?!(?:${engines_own.join("|")})$)(?!platform[_-])[A-Za-z0-9][A-Za-z0-9_.-]*$`,
});

/** Whether a network of this name may be granted at all. */
export function isGrantable(network: string): boolean {
  return Value.Check(GrantedNetwork, network);
}

/** The label, with the value "true", by which an operator says that a network is for the jobs of this challenge. */
export function grantLabel(slug: string): string {
  return `platform.challenge.${slug}`;
}
