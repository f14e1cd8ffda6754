import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { Policies } from "../admission/policies.ts";
import type { RegistryAuthOf } from "../admission/registry-auth.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { BrokerConfig } from "../config.ts";
import type { LogFiles } from "../logs/log-files.ts";
import type { Grant } from "../placement/placement.ts";
import type { DispatchStore } from "../store/dispatch-store.ts";
import type { EngineFeatures } from "../swarm/engine-features.ts";
import type { TasksView } from "../swarm/tasks-view.ts";
import type { TransferTokens } from "../transfers/tokens.ts";

export type DispatchSettings = Pick<
  BrokerConfig,
  | "stager_image"
  | "transfer_url"
  | "encrypted_overlays"
  | "tick_ms"
  | "queued_ms"
  | "staging_ms"
  | "starting_ms"
  | "collecting_ms"
  | "volume_ms"
  | "node_lost_ms"
>;

/** What the dispatcher acts with. The simulation replaces each member. */
export interface DispatchWorld {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly store: DispatchStore;
  readonly blobs: Pick<BlobStore, "put">;
  readonly logs: LogFiles;
  readonly tokens: TransferTokens;
  readonly log: Logger;
  readonly settings: DispatchSettings;
  readonly features: EngineFeatures;
  /** The fencing number of this leader. */
  readonly fencing: number;
  /** Confirms, right before an act, that this broker still leads. @throws LeadLostError when it does not */
  confirm(): Promise<void>;
  readonly registryAuthOf: RegistryAuthOf;
  readonly policies: Policies;
  /** Wakes the requests that wait for the job to change. */
  changed(jobId: string): void;
}

/** What one tick saw. */
export interface Sight {
  /** The wall clock, as for deadlines. */
  readonly now_ms: number;
  /** The monotonic clock, as for memories. */
  readonly monotonic_ms: number;
  readonly tasks: TasksView;
  readonly nodes: ReadonlyMap<string, SwarmNode>;
  /** By challenge: what it runs and may use. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** Nodes that have been down or gone for longer than `node_lost_ms`. */
  readonly lostNodes: ReadonlySet<string>;
  /** Workers that are being emptied, and until when their jobs may run. */
  readonly closing: ReadonlyMap<string, number>;
  /** When each worker's disk was last seen full, on the monotonic clock. */
  readonly disks_full_ms: ReadonlyMap<string, number>;
}
