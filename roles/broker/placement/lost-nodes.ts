import type { SwarmNode } from "#shared/engine/engine.ts";

/**
 * Tells which nodes have been down or gone for `lost_ms`. `unknown` never counts as down: a manager that has just started
 * says it of every node. Absence counts only from this process's first look, so nothing is lost right after a start (jobs §2).
 */
export class NodeWatch {
  readonly #down_since_ms = new Map<string, number>();
  readonly #lost_ms: number;

  constructor(lost_ms: number) {
    this.#lost_ms = lost_ms;
  }

  /** `used` are the nodes of jobs and leases. One that Swarm no longer lists counts as down. @returns the lost nodes */
  see(nodes: ReadonlyMap<string, SwarmNode>, used: ReadonlySet<string>, now_ms: number): ReadonlySet<string> {
    for (const id of new Set([...nodes.keys(), ...used])) {
      const state = nodes.get(id)?.Status.State ?? "down";
      if (state === "ready") this.#down_since_ms.delete(id);
      else if (state === "down" && !this.#down_since_ms.has(id)) this.#down_since_ms.set(id, now_ms);
    }
    return new Set(
      [...this.#down_since_ms].filter(([, since_ms]) => now_ms - since_ms >= this.#lost_ms).map(([id]) => id),
    );
  }
}
