import type { Chain } from "#shared/chain/chain.ts";
import { connectChain } from "#shared/chain/metagraph.ts";

/** The chain behind `endpoints`, or null when none is configured. Connects on the first read. */
export function openChain(endpoints: readonly string[]): Chain | null {
  return endpoints.length > 0 ? connectChain({ endpoints }) : null;
}
