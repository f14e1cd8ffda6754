import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const engines_own = ["host", "bridge", "none", "null", "default", "nat", "ingress", "docker_gwbridge"];

/** The name of a network that the operator made. Networks of the engine and of the platform cannot be granted. */
export const GrantedNetwork = Type.String({
  maxLength: 64,
  "x-expected":
    "expected the name of a network of the operator's own, neither the engine's (host, bridge, ingress …) nor the platform's (platform_…)",
  pattern: `^(?!(?:${engines_own.join("|")})$)(?!platform[_-])[A-Za-z0-9][A-Za-z0-9_.-]*$`,
});

/** Whether a network of this name may be granted to a challenge. */
export function isGrantable(network: string): boolean {
  return Value.Check(GrantedNetwork, network);
}

/** The label of a network for the jobs of this challenge. The operator sets it to "true". */
export function grantLabel(slug: string): string {
  return `platform.challenge.${slug}`;
}
