import type { SwarmNode } from "#shared/engine/engine.ts";

/**
 * Since when nodes have been down or gone. `unknown` never counts: a manager that has just started says it of
 * every node, and for the first minute after our own start nothing is lost either (jobs §2).
 */
export class NodeWatch {
  readonly #downSince = new Map<string, number>();
  readonly #lost_ms: number;

  constructor(lost_ms: number) {
    this.#lost_ms = lost_ms;
  }

  /** `used` are the nodes that jobs or leases name: one that Swarm no longer lists counts as down. */
  see(nodes: ReadonlyMap<string, SwarmNode>, used: ReadonlySet<string>, now_ms: number): ReadonlySet<string> {
    for (const id of new Set([...nodes.keys(), ...used])) {
      const state = nodes.get(id)?.Status.State ?? "down";
      if (state === "ready") this.#downSince.delete(id);
      else if (state === "down" && !this.#downSince.has(id)) this.#downSince.set(id, now_ms);
    }
    return new Set([...this.#downSince].filter(([, since]) => now_ms - since >= this.#lost_ms).map(([id]) => id));
  }
}
