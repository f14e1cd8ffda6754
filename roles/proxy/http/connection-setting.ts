import type { Clock } from "#shared/time/clock.ts";
import type { ProxyApp } from "../app.ts";
import type { ByteBudget } from "../bounds/byte-budget.ts";

/** What the connections of a door have in common. */
export interface ConnectionSetting {
  readonly app: ProxyApp;
  /** For what has come from a client and cannot be served yet. */
  readonly memory: ByteBudget;
  readonly clock: Pick<Clock, "monotonic">;
  readonly isTls: boolean;
}

export interface Peer {
  readonly address: string;
  /** Whose share of the memory it takes; null for a trusted proxy, which stands for many clients. */
  readonly share: string | null;
}
